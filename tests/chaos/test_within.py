"""What actors asked of each other, read back from the inbox."""

from __future__ import annotations

from gateway.self_system import SOURCE
from schemas.codec import encode
from schemas.envelope import Attributes
from tests.chaos.within import Row, arrived_within, said_within, source_of
from tests.checker.evidence import Command, Step
from tests.gateway.toy import NOW, Told

ASKED = Command("c1", Step("self", "job/a b", "job.told", "b1"), 1, (3, 1))
KNOWN = {"c1": ASKED}


def row(id: str, source: str = SOURCE) -> Row:
    """A message to job b, caused by the line b1 of the job `a b`."""
    attributes = Attributes(source, id, "job.told.v1", "b", NOW, causation_id="job/a%20b/b1/1")
    return {"source": source, "event_id": id, "body": encode(attributes, Told(name="b1", to="b"))}


def test_each_that_asks_is_a_source_of_its_own() -> None:
    [said] = said_within([row("c1"), row("e1", "urn:psa")], KNOWN, {"c1"})
    assert (said.source, said.id, said.key, said.place, said.is_confirmed) == (
        f"{SOURCE} job/a b", "c1", "job/b", 3001, True,
    )  # fmt: skip
    assert source_of(KNOWN, SOURCE, "c1") == said.source
    assert source_of(KNOWN, "urn:psa", "c1") == "urn:psa"


def test_what_no_command_asked_for_was_said_by_nobody() -> None:
    assert list(said_within([row("c2")], KNOWN, set())) == []
    assert source_of(KNOWN, SOURCE, "c2") == SOURCE


def test_the_journal_names_the_command_by_its_reference() -> None:
    [effect] = arrived_within([row("c1"), row("e1", "urn:psa")])
    assert (effect.system, effect.operation, effect.key, effect.reference, effect.command) == (
        "self", "job.told", "job/a b", "job/a%20b/b1/1", "c1",
    )  # fmt: skip
