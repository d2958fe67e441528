"""What decisions may rely on: snapshots in memory, and states as this release reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.decision import Snapshot
from actors.policy import Policy
from actors.upcasting import Raw, legal_entity_of
from adapters.ports.turns import Row
from gateway.references import References, read_state
from gateway.unreadable import Unreadable
from schemas.bindings import Binding, Unbound
from schemas.keys import ActorKey
from tests.gateway.toy import ACTOR, POLICY, A, B, C, Job, theirs

ACTORS = {"job": ACTOR}
STATE = b'{"steps": ["one"]}'


def known(*keys: ActorKey, capacity: int = 2) -> References:
    """Snapshots that were loaded in this order."""
    references = References(ACTORS, capacity=capacity)
    for key in keys:
        references.learn(Row(key, 3, 2, STATE, 1), POLICY)
    return references


def test_a_loaded_row_is_a_snapshot() -> None:
    assert known(A).find(A) == Snapshot(A, 2, Job(steps=("one",)))
    assert known().find(A) is None


def test_a_row_without_state_is_known_as_never_written() -> None:
    assert References(ACTORS, capacity=1).learn(Row(A), POLICY) == Snapshot(A, 0, None)


def test_a_key_of_an_entity_without_an_actor_is_known_as_never_written() -> None:
    key = ActorKey("invoice", "1")
    assert References(ACTORS, capacity=1).learn(Row(key, 3, 2, b"{}", 1), POLICY) == Snapshot(key, 2, None)


def test_a_binding_says_what_an_external_key_means() -> None:
    row = Row(theirs("7"), 1, 1, b'{"entity": "job", "id": "a"}')
    assert References({}, capacity=1).learn(row, POLICY).state == Binding(entity="job", id="a")
    assert References({}, capacity=1).learn(Row(theirs("8")), POLICY).state is None


def test_the_least_recently_used_goes_first() -> None:
    references = known(A, B)
    references.find(A)
    references.learn(Row(C), POLICY)
    assert [key for key in (A, B, C) if references.find(key)] == [A, C]
    assert len(references) == 2


def test_learning_again_is_a_use() -> None:
    references = known(A, B, A, C)
    assert [key for key in (A, B, C) if references.find(key)] == [A, C]


def test_our_own_commit_renews_only_what_somebody_relies_on() -> None:
    references = known(A)
    references.renew(A, 9, Job())
    references.renew(B, 9, Job())
    assert references.find(A) == Snapshot(A, 9, Job())
    assert references.find(B) is None


def test_what_has_moved_is_forgotten() -> None:
    references = known(A, B)
    references.forget([A, C])
    assert references.find(A) is None
    assert references.find(B) is not None


def test_a_state_is_read_by_its_actor() -> None:
    assert read_state(ACTORS, Row(A, 3, 2, STATE, 1), POLICY) == Job(steps=("one",))
    assert read_state(ACTORS, Row(A), POLICY) == Job()
    assert read_state(ACTORS, Row(theirs("7")), POLICY) == Unbound()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Row(A, 3, 2, STATE, 2), "schema 2) cannot be read, this release knows schema 1"),
        (Row(A, 3, 2, b'{"stepz": []}', 1), "cannot be read, stepz: Extra inputs"),
        (Row(theirs("7"), 1, 1, b"[]"), "cannot be read, state: Input should be"),
        (Row(ActorKey("invoice", "1"), 3, 2, STATE, 1), "this release knows no entity invoice"),
    ],
)
def test_a_state_that_cannot_be_read_is_neither_guessed_at_nor_repaired(row: Row, why: str) -> None:
    state = read_state(ACTORS, row, POLICY)
    assert isinstance(state, Unreadable)
    assert f"{row.key}" in state.reason
    assert why in state.reason


def counted(raw: Raw, _policy: Policy) -> Raw:
    """Schema 1 of a toy counted its steps."""
    return {"steps": ["?"] * raw["count"]}


def unplaced(raw: Raw, policy: Policy) -> Raw:
    """Schema 2 of a toy needs what the policy says of its legal entity."""
    legal_entity_of(policy, raw.pop("legal_entity", "DE01"))
    return raw


LATER = {"job": replace(ACTOR, schema=3, upcasts={1: counted, 2: unplaced})}


def test_a_state_of_an_earlier_release_goes_through_each_schema_number_up_to_ours() -> None:
    assert read_state(LATER, Row(A, 3, 2, b'{"count": 2}', 1), POLICY) == Job(steps=("?", "?"))
    assert read_state(LATER, Row(A, 3, 2, STATE, 2), POLICY) == Job(steps=("one",))
    assert read_state(LATER, Row(A, 3, 2, STATE, 3), POLICY) == Job(steps=("one",))


def test_a_state_that_cannot_be_brought_up_to_date_closes_its_key_and_says_what_to_change() -> None:
    state = read_state(LATER, Row(A, 3, 2, b'{"steps": [], "legal_entity": "XX01"}', 2), POLICY)
    assert isinstance(state, Unreadable)
    assert "list XX01" in state.reason
    damaged = read_state(LATER, Row(A, 3, 2, STATE, 1), POLICY)
    assert isinstance(damaged, Unreadable)
    assert "reading it raised KeyError: start the release that wrote it" in damaged.reason


def test_a_snapshot_of_an_earlier_release_is_brought_up_to_date_too() -> None:
    references = References(LATER, capacity=1)
    assert references.learn(Row(A, 3, 2, b'{"count": 1}', 1), POLICY).state == Job(steps=("?",))


def test_what_cannot_be_read_is_loaded_again_each_time() -> None:
    references = known(A)
    assert isinstance(references.learn(Row(A, 4, 3, STATE, 2), POLICY).state, Unreadable)
    assert references.find(A) is None
    references.learn(Row(A, 3, 2, STATE, 1), POLICY)
    references.renew(A, 3, Unreadable(reason="a newer release wrote it"))
    assert references.find(A) is None
