"""What people did about cases, traced to what caused it."""

from __future__ import annotations

import hashlib
from typing import Any

from gateway.people import SOURCE
from schemas.acts import Act, Acted
from schemas.codec import encode
from schemas.envelope import Attributes
from tests.chaos.people import Row, own_source, said_by_people
from tests.checker.content import content
from tests.gateway.toy import NOW

CASE: Row = {"id": 4, "entity": "engagement", "id_of_key": "P1", "topic": "validate", "version": 3}
OF_MESSAGE: Row = {"id": 5, "entity": "engagement", "id_of_key": "P1", "topic": None, "version": 1}
CLICK: Row = {
    "id": 9, "case_id": 4, "actor": "anna", "roles": ["finance"], "act": "cancel", "reason": "gone", "changes": None,
    "seen": None, "outcome": "done",
}  # fmt: skip
ACTIVATION: Row = {"id": 2, "hash": "abc", "reason": "a start"}
BY_ANNA = "case-4-act-9"
BY_POLICY = "2/4/3"


def row(acted: Acted, cause: str, subject: str = "P1", version: int = 1) -> Row:
    """The message of an act, as the gateway says it."""
    id = hashlib.sha256(f"engagement\x1fP1\x1f{acted.by}\x1f{cause}".encode()).hexdigest()
    body = encode(Attributes(SOURCE, id, f"engagement.acted.v{version}", subject, NOW), acted)
    return {"source": SOURCE, "event_id": id, "body": body}


def cancelled(**changes: Any) -> Acted:
    fields = {"topic": "validate", "act": Act.CANCEL, "by": "anna", "roles": ("finance",), "reason": "gone"}
    return Acted.model_validate(fields | changes)


RETRIED = cancelled(act=Act.RETRY, by="policy", roles=(), reason="policy abc is in force: a start")


def test_an_act_has_its_cause_in_the_acts_on_its_case() -> None:
    stands = row(cancelled(), BY_ANNA)
    [said] = said_by_people([stands], [CLICK], [CASE, OF_MESSAGE], [])
    assert (said.source, said.id, said.key, said.content, said.is_confirmed) == (
        own_source(stands["event_id"]), stands["event_id"], "engagement/P1", content(stands["body"]), True,
    )  # fmt: skip


def test_what_was_answered_must_stand_somewhere() -> None:
    [said] = said_by_people([], [CLICK], [CASE], [])
    assert said.is_confirmed
    assert list(said_by_people([], [{**CLICK, "outcome": None}, {**CLICK, "outcome": "refused"}], [CASE], [])) == []


def test_an_act_that_says_something_else_is_nobodys() -> None:
    odd_ones = (
        row(cancelled(reason="late"), BY_ANNA), row(cancelled(roles=("partner",)), BY_ANNA),
        row(cancelled(), BY_ANNA, subject="P2"),
    )  # fmt: skip
    for odd in odd_ones:
        [said] = said_by_people([odd], [CLICK], [CASE], [])
        assert said.content != content(odd["body"])
        assert list(said_by_people([odd], [{**CLICK, "outcome": None}], [CASE], [])) == []


def test_an_edit_says_what_changes() -> None:
    edit = {"discount": "5"}
    click = {**CLICK, "act": "edit-retry", "changes": '{"discount": "5"}'}
    stands = row(cancelled(act=Act.EDIT_RETRY, changes=edit), BY_ANNA)
    [said] = said_by_people([stands], [click], [CASE], [])
    assert said.content == content(stands["body"])


def test_an_act_on_a_case_that_asks_more_than_its_topic_says_what_was_seen() -> None:
    stands = row(cancelled(seen="90,000"), BY_ANNA, version=2)
    [said] = said_by_people([stands], [{**CLICK, "seen": "90,000"}], [CASE], [])
    assert (said.type, said.content) == ("engagement.acted.v2", content(stands["body"]))
    [other] = said_by_people([stands], [{**CLICK, "seen": "900,000"}], [CASE], [])
    assert other.content != content(stands["body"])


def test_what_the_policy_tries_again_has_its_cause_in_an_activation() -> None:
    stands = row(RETRIED, BY_POLICY)
    [said] = said_by_people([stands], [], [CASE], [ACTIVATION])
    assert (said.content, said.is_confirmed) == (content(stands["body"]), False)
    assert list(said_by_people([stands], [], [CASE], [{**ACTIVATION, "id": 3}])) == []
    assert list(said_by_people([stands], [], [{**CASE, "version": 2}], [ACTIVATION])) == []
    assert list(said_by_people([stands], [], [OF_MESSAGE], [ACTIVATION])) == []
