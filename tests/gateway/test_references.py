"""What decisions may rely on: snapshots in memory, and states as this release reads them."""

from __future__ import annotations

import pytest

from actors.decision import Snapshot
from adapters.ports.turns import Row
from gateway.references import References, read_state
from gateway.unreadable import Unreadable
from schemas.bindings import Binding, Unbound
from schemas.keys import ActorKey
from tests.gateway.toy import ACTOR, A, B, C, Job, theirs

ACTORS = {"job": ACTOR}
STATE = b'{"steps": ["one"]}'


def known(*keys: ActorKey, capacity: int = 2) -> References:
    """Snapshots that were loaded in this order."""
    references = References(ACTORS, capacity=capacity)
    for key in keys:
        references.learn(Row(key, 3, 2, STATE, 1))
    return references


def test_a_loaded_row_is_a_snapshot() -> None:
    assert known(A).find(A) == Snapshot(A, 2, Job(steps=("one",)))
    assert known().find(A) is None


def test_a_row_without_state_is_known_as_never_written() -> None:
    assert References(ACTORS, capacity=1).learn(Row(A)) == Snapshot(A, 0, None)


def test_a_key_of_an_entity_without_an_actor_is_known_as_never_written() -> None:
    key = ActorKey("invoice", "1")
    assert References(ACTORS, capacity=1).learn(Row(key, 3, 2, b"{}", 1)) == Snapshot(key, 2, None)


def test_a_binding_says_what_an_external_key_means() -> None:
    row = Row(theirs("7"), 1, 1, b'{"entity": "job", "id": "a"}')
    assert References({}, capacity=1).learn(row).state == Binding(entity="job", id="a")
    assert References({}, capacity=1).learn(Row(theirs("8"))).state is None


def test_the_least_recently_used_goes_first() -> None:
    references = known(A, B)
    references.find(A)
    references.learn(Row(C))
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
    assert read_state(ACTORS, Row(A, 3, 2, STATE, 1)) == Job(steps=("one",))
    assert read_state(ACTORS, Row(A)) == Job()
    assert read_state(ACTORS, Row(theirs("7"))) == Unbound()


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
    state = read_state(ACTORS, row)
    assert isinstance(state, Unreadable)
    assert f"{row.key}" in state.reason
    assert why in state.reason


def test_what_cannot_be_read_is_loaded_again_each_time() -> None:
    references = known(A)
    assert isinstance(references.learn(Row(A, 4, 3, STATE, 2)).state, Unreadable)
    assert references.find(A) is None
    references.learn(Row(A, 3, 2, STATE, 1))
    references.renew(A, 3, Unreadable(reason="a newer release wrote it"))
    assert references.find(A) is None
