"""What a source does to us counts among the faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.checker import cells
from tests.checker.evidence import Cell, Closing, Published


def amiss(
    meaning: Published, published: Sequence[Published], closings: Sequence[Closing], known: set[str]
) -> Iterator[Cell]:
    """What is amiss with a message that comes after `published`; `known` are the keys that have a state."""
    before = {sent.content for sent in published if (sent.source, sent.id) == (meaning.source, meaning.id)}
    if meaning.is_bad:
        yield cells.BAD
    elif meaning.content in before:
        yield cells.DUPLICATE
    elif before:
        yield cells.CONFLICT
    if meaning.stops:
        yield cells.POISON
    if meaning.sequence is not None:
        yield from _of_number(meaning, meaning.sequence, published, closings)
    if not known >= set(meaning.needs):
        yield cells.EARLY


def _of_number(
    meaning: Published, number: int, published: Sequence[Published], closings: Sequence[Closing]
) -> Iterator[Cell]:
    series = (meaning.source, meaning.key)
    others = [sent for sent in published if (sent.source, sent.key) == series]
    if any(sent.sequence == number and sent.id != meaning.id for sent in others):
        yield cells.NUMBER_TWICE
    if any(sent.id == meaning.id for sent in others):
        return
    if any((sent.sequence or 0) > number for sent in others):
        yield cells.OUT_OF_ORDER
    if number <= max((each.through for each in closings if (each.source, each.key) == series), default=0):
        yield cells.GIVEN_UP
