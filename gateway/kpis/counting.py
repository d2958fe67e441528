"""Counting a page: what its lines come to, given what was remembered of their keys. Pure.

A line adds to sums by its day alone, so lines of different keys may come in any order; those of one key come in theirs.
Whoever counts the same lines again, from the first one on, comes to the same sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.ports.kpis import Counted, Line, Page
from gateway.kpis.deals import count_deal
from gateway.kpis.invoices import count_invoice
from gateway.kpis.measures import Tally
from gateway.kpis.memories import Memories
from gateway.kpis.messages import count_case, count_command, count_message, message_key
from gateway.kpis.milestones import count_project
from gateway.kpis.papers import count_paper
from schemas.keys import ActorKey

BY_ENTITY: Final[Mapping[str, Callable[[Line, Memories, Tally], None]]] = MappingProxyType(
    {
        "engagement": count_deal,
        "project": count_project,
        "timesheet": count_paper,
        "expense": count_paper,
        "invoice": count_invoice,
    }
)
"""Entity -> what counts its lines beside what is counted of all."""


def keys_of(lines: Sequence[Line]) -> set[ActorKey]:
    """The keys whose memories are needed to count these lines."""
    keys = {line.key for line in lines if line.key.entity in BY_ENTITY}
    return keys | {message_key(line.message) for line in lines if line.message is not None}


def count(page: Page, kept: Mapping[ActorKey, bytes]) -> Counted:
    """What a page comes to; `kept` are the memories of its keys."""
    memories, tally = Memories(kept), Tally(page.since)
    for line in page.lines:
        count_message(line, memories, tally)
        count_command(line, tally)
        count_entity = BY_ENTITY.get(line.key.entity)
        if count_entity is not None:
            count_entity(line, memories, tally)
    for change in page.cases:
        count_case(change, tally)
    return Counted(page, tally.added, memories.changed)
