"""Who may share a commit: whatever keys rely on each other, what is chosen has a serial order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import permutations, product

from adapters.ports.turns import Row, Turn
from gateway.activation import Activation
from gateway.compose import compose
from gateway.draft import Draft
from schemas.keys import ActorKey
from tests.gateway.toy import A, B, C, Job, theirs

KEYS = (A, B, C)


def subsets(key: ActorKey) -> list[tuple[ActorKey, ...]]:
    """What `key` may rely on of the other two."""
    first, second = (other for other in KEYS if other != key)
    return [(), (first,), (second,), (first, second)]


RELIANCES = [dict(zip(KEYS, chosen, strict=True)) for chosen in product(*map(subsets, KEYS))]
"""All 64 sets of reliances among three keys."""

Compose = Callable[[Iterable[Draft]], tuple[list[Draft], list[Draft]]]


def everything_at_once(drafts: Iterable[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The wrong design: all version checks would pass."""
    return list(drafts), []


def draft(key: ActorKey, relied: Iterable[ActorKey] = (), binds: Iterable[ActorKey] = ()) -> Draft:
    """A turn of `key`."""
    row = Row(key)
    turn = Turn(row, row.lane, 1, relied=dict.fromkeys(relied, 0), binds=list(binds))
    return Draft(Activation(key), turn, Job(), [], [], stopped_short=False)


def has_serial_order(batch: Sequence[Draft]) -> bool:
    """Whether there is an order in which each turn still finds what it relied on: who changes it comes later."""
    return any(
        all(
            changed not in later.turn.relied
            for place, earlier in enumerate(order)
            for later in order[place + 1 :]
            for changed in (earlier.turn.key, *earlier.turn.binds)
        )
        for order in permutations(batch)
    )


def without_order(how: Compose) -> int:
    """Of the 64 sets, in how many the chosen batch has no serial order, for some order of arrival."""
    return sum(
        not all(has_serial_order(how([draft(key, relied[key]) for key in keys])[0]) for keys in permutations(KEYS))
        for relied in RELIANCES
    )


def test_every_chosen_batch_has_a_serial_order() -> None:
    assert len(RELIANCES) == 64
    assert without_order(compose) == 0


def test_without_choosing_39_of_64_have_none() -> None:
    assert without_order(everything_at_once) == 39


def test_none_is_lost_and_one_at_least_goes_on() -> None:
    for relied in RELIANCES:
        for keys in permutations(KEYS):
            drafts = [draft(key, relied[key]) for key in keys]
            batch, later = compose(drafts)
            assert batch[0] is drafts[0]
            assert sorted(each.turn.key for each in batch + later) == sorted(KEYS)


def test_nothing_is_held_back_that_has_an_order_by_itself() -> None:
    chain = [draft(A, [B]), draft(B, [C]), draft(C)]
    assert compose(reversed(chain)) == (chain[::-1], [])


def test_an_external_key_and_who_binds_it_never_share_a_commit() -> None:
    # Its row would carry the commit's id even where its own turn was refused: an unknown commit would be misread.
    held, binder, other = draft(theirs("7")), draft(A, (), [theirs("7")]), draft(B, (), [theirs("7")])
    for order in permutations([held, binder, other]):
        batch, later = compose(order)
        assert (batch, later) == ([order[0]], list(order[1:]))


def test_a_cycle_through_a_binding_is_cut() -> None:
    drafts = [draft(A, [theirs("7")]), draft(B, [A]), draft(C, [B], [theirs("7")])]
    for order in permutations(drafts):
        assert has_serial_order(compose(order)[0])
