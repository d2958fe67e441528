"""Which drafts may share a commit: keys that rely on each other may not, for no serial order would explain them."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.draft import Draft
from schemas.keys import ActorKey


def compose(drafts: Iterable[Draft]) -> tuple[list[Draft], list[Draft]]:
    """Split drafts into one batch and those for the next.

    A draft that both relies on a key of the batch and is relied on by one goes to the next: the last of any cycle of
    reliance is such a draft, so what stays has a serial order (who relies commits before what it relies on).

    A draft changes its own key and the external keys that it binds. No two drafts of a batch change the same key: its
    row carries the id of the commit, by which each of them would take the other's change for its own.
    """
    batch: list[Draft] = []
    later: list[Draft] = []
    inside: set[ActorKey] = set()
    relied: set[ActorKey] = set()
    for draft in drafts:
        turn = draft.turn
        changed = {turn.key, *turn.binds}
        is_in_a_cycle = not (relied.isdisjoint(changed) or inside.isdisjoint(turn.relied))
        if is_in_a_cycle or not inside.isdisjoint(changed):
            later.append(draft)
            continue
        batch.append(draft)
        inside.update(changed)
        relied.update(turn.relied)
    return batch, later
