"""Won deals: how long until their projects can be worked on, and whether anybody had to act."""

from __future__ import annotations

from typing import Final

from adapters.ports.kpis import Line
from gateway.kpis.measures import ZERO, Measure, Tally
from gateway.kpis.memories import Deal, Memories
from gateway.kpis.reading import confirmed, data_of, is_touch, name_of, said
from schemas.project.v2 import OpportunityWon

WON: Final = "project.opportunity_won"
OPENED: Final = "project.opened"


def count_deal(line: Line, memories: Memories, tally: Tally) -> None:
    """A line of an engagement."""
    deal = memories.of(line.key, Deal)
    message = said(line, WON)
    won = None if message is None else data_of(message)
    if message is not None and isinstance(won, OpportunityWon):
        known = deal or Deal(won_at=message.received_at)
        _count_parts(line, won, known, tally)
        parts = dict.fromkeys((*known.parts, *(part.legal_entity for part in won.parts)))
        memories.put(line.key, known.model_copy(update={"parts": tuple(parts), "worth": won.amounts}))
    elif is_touch(line):
        touched = deal or _stopped(line)
        if touched is not None:
            memories.put(line.key, touched.model_copy(update={"is_touched": True}))
    elif deal is not None:
        _count_opening(line, deal, memories, tally)


def _stopped(line: Line) -> Deal | None:
    """A deal that stands before it is applied at all."""
    message = line.message
    return Deal(won_at=message.received_at) if message is not None and name_of(message) == WON else None


def _count_parts(line: Line, won: OpportunityWon, known: Deal, tally: Tally) -> None:
    for part in won.parts:
        if part.legal_entity not in known.parts:
            tally.add(
                Measure.DEALS_WON, line.at, legal_entity=part.legal_entity, currency=part.currency,
                total=part.amount or ZERO,
            )  # fmt: skip


def _count_opening(line: Line, deal: Deal, memories: Memories, tally: Tally) -> None:
    """The project of a part stands in the systems: time and invoices may rely on it."""
    command = confirmed(line, OPENED)
    legal_entity = None if command is None else command.about.legal_entity
    if legal_entity is None or legal_entity in deal.opened:
        return
    tally.took(Measure.PROJECTS_OPENED, deal.won_at, line.at, legal_entity=legal_entity)
    if not deal.is_touched:
        tally.add(Measure.OPENED_UNTOUCHED, line.at, legal_entity=legal_entity)
    memories.put(line.key, deal.model_copy(update={"opened": (*deal.opened, legal_entity)}))
