"""The preview predicts what systems with books of their own do: imported ids, and several parts of one deal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import pytest

from actors.decision import Request
from adapters.ports.history import GivenId
from gateway.bindings.importing import SOURCE
from gateway.cli.mapping import Past, past_of
from gateway.cli.preview.hurry import hurried
from gateway.cli.preview.obliging import KnownIds
from gateway.cli.preview.play import play
from gateway.cli.preview.played import Ending, Kind, Played
from gateway.policy_file import PolicyFile
from schemas.bound import Bound
from schemas.keys import ActorKey
from schemas.operations.project import ProjectCancel
from schemas.record import Record
from schemas.values import Reference
from schemas.verdicts import Verdict
from tests.actors.firm import WON, approved, customer, deal, line, part
from tests.actors.stage import command_of
from tests.gateway.cli.past import CRM, POLICY, PSA, Live, came, policy

AUDITS: Final = policy(POLICY.replace("service_lines: [advisory]", "service_lines: [advisory, audit]"))
OLD: Final = {"OLD-1": "EUR"}
"""A project that the ERP has from before."""
C1, P1, P2 = ActorKey("customer", "C-1"), ActorKey("project", "P-1"), ActorKey("project", "P-2")


def imported(key: ActorKey, system: str, external_id: str, legal_entity: str = "DE01") -> tuple[str, ActorKey, Record]:
    """A person says that a system has it."""
    bound = Bound(to=key.id, system=system, kind=key.entity, external_id=external_id, legal_entity=legal_entity)
    return SOURCE, key, bound


FACTS: Final = (
    imported(C1, "erp", "9001"),
    imported(P1, "erp", "OLD-1"),
    imported(P1, "psa", "4711"),
    (CRM, C1, customer("DE01", "US01")),
    (CRM, P1, deal()),
    (PSA, ActorKey("timesheet", "T-1"), approved(line(), project=Reference(system="psa", external_id="4711"))),
    (CRM, P2, deal(
        part("DE01", service_line="audit", contract="SOW-2"),
        part("US01", service_line="audit", currency="USD", contract="SOW-2"),
        opportunity_id="OPP-2",
    )),
    (PSA, ActorKey("timesheet", "T-2"), approved(line(), project=Reference(id="P-2-DE01"))),
    (PSA, ActorKey("timesheet", "T-3"), approved(
        line(), project=Reference(id="P-2-US01"), legal_entity="US01", currency="USD"
    )),
)  # fmt: skip
"""A customer and a project that the systems have from before, and a deal of two parts in one ERP, of a service line
that is not sold yet."""


def without_ids(played: Played) -> Mapping[ActorKey, list[str]]:
    """What became of each key, but for the ids in bodies, of which a play makes some up."""
    return {key: sorted(re.sub(r" \[[0-9a-f]{8}\]$", "", each) for each in told) for key, told in played.keys.items()}


def previewed(policy: PolicyFile, past: Past) -> Played:
    """What a preview finds."""
    return hurried(play(policy, past.messages, past.given, lambda: None))


def test_it_predicts_what_the_books_of_systems_will_hold(database_url: str, fresh_url: str) -> None:
    # Given what came while audits were not sold
    messages = [came(number, *fact) for number, fact in enumerate(FACTS)]
    before = asyncio.run(Live(database_url, policy(POLICY), kept=OLD).take(messages))
    past = asyncio.run(past_of(database_url, None, None, 100))
    # When the preview plays it
    now, then = previewed(past.active, past), previewed(AUDITS, past)
    # Then it finds what has happened: what systems had was not made again, and an imported id means its project
    assert (now.keys, now.endings, now.commands) == (before.keys, before.endings, before.commands)
    assert now.commands[Kind("erp", "customer.put", "")].count == 2
    assert Kind("erp", "project.create", "EUR") not in now.commands
    assert now.endings[Ending(Verdict.WAITING, "")] == 2, "sheets of the deal that is not set up"
    # And what happens where audits are sold: two projects in one ERP, each billed by itself
    after = asyncio.run(Live(fresh_url, AUDITS, kept=OLD).take(messages))
    assert (without_ids(then), then.endings, then.commands) == (without_ids(after), after.endings, after.commands)
    assert {kind: total.count for kind, total in then.commands.items() if kind.operation == "billable.post"} == {
        Kind("erp", "billable.post", "EUR"): 2, Kind("erp", "billable.post", "USD"): 1,
    }  # fmt: skip


@pytest.mark.parametrize(("legal_entity", "id_"), [("DE01", "PRJ-1"), ("US01", "made-erp-engagement-P-1-US01")])
def test_an_id_of_one_part_is_not_that_of_another(legal_entity: str, id_: str) -> None:
    ids = KnownIds([GivenId("erp", "project.cancel", WON, "DE01.undo_shell.1", "PRJ-1")])
    body = ProjectCancel(project_id="P-1", erp_id="PRJ-1", legal_entity=legal_entity, currency="EUR", reason="lost")
    asked = Request("erp", "project.cancel", f"{legal_entity}.undo_shell.2", body)
    assert ids.of(command_of(WON, asked)) == id_
