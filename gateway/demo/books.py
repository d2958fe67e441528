"""What the systems' own journals say of each measure, item by item. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from gateway.demo.effects import Effect
from gateway.demo.firm.truth import Item, Measure

_POSTED: Final = {
    "billable.post": Measure.TIME,
    "billable.reverse": Measure.TIME,
    "expense.post": Measure.EXPENSES,
    "expense.reverse": Measure.EXPENSES,
    "milestone.bill": Measure.MILESTONES,
    "cost.post": Measure.COST,
    "cost.reverse": Measure.COST,
    "invoice.post": Measure.INVOICED,
}
"""Operation -> what its amounts add to; those of a reversal are below zero."""
_SHOWING: Final = frozenset({"invoice.put", "receivable.put"})
"""Operations that show an invoice as it stands: the last one of an invoice counts."""
_SHOWN: Final = {
    "total": Measure.INVOICED,
    "paid": Measure.PAID,
    "credited": Measure.CREDITED,
    "written_off": Measure.WRITTEN_OFF,
    "open": Measure.OPEN,
}


def books_of(journal: Sequence[Effect]) -> dict[str, dict[Item, Decimal]]:
    """System -> item -> amount, zeros left out. The journal of each system is in the order of its effects."""
    books: defaultdict[str, defaultdict[Item, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    last: dict[tuple[str, str], Effect] = {}
    for effect in journal:
        if effect.operation in _POSTED and effect.amount is not None:
            books[effect.system][_item(effect, _POSTED[effect.operation])] += effect.amount
        elif effect.operation in _SHOWING:
            last[effect.system, effect.key] = effect
    for effect in last.values():
        for item, amount in _shown(effect):
            books[effect.system][item] = amount
    return {system: {item: amount for item, amount in rows.items() if amount} for system, rows in books.items()}


def _shown(effect: Effect) -> Iterator[tuple[Item, Decimal]]:
    for name, amount in effect.shown.items():
        yield _item(effect, _SHOWN[name]), amount


def _item(effect: Effect, measure: Measure) -> Item:
    return Item(effect.legal_entity or "", effect.currency or "", measure, effect.key)
