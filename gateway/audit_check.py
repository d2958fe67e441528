"""Checking the chain of the audit: what was changed, removed, or slipped in, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.ports.audit import NOTHING_BEFORE, Act, Audit, Chain, Head, Link, Seal, sealed


class Wrong(StrEnum):
    """What is wrong with an act."""

    CHANGED = "changed"
    """It is not what was sealed."""
    REMOVED = "removed"
    """It is gone, with its seal or without."""
    INSERTED = "inserted"
    """It stands among acts that are sealed, and is not."""
    RESEALED = "resealed"
    """Its seal is not the one that the next seal, the end of the chain, or a note of it follows from."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. `id` is the number of the act, `place` that of its seal, each where it is known."""

    wrong: Wrong
    id: int | None
    place: int | None
    says: str


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a check has come to: the number that was looked at last, and the seal before the next one."""

    id: int
    head: Head


@dataclass(frozen=True, slots=True)
class Report:
    """A page of a check. `is_last`: nothing more is sealed for now."""

    reached: Reached
    checked: int
    findings: tuple[Finding, ...]
    is_last: bool
    chain: Chain


BEGINNING: Final = Reached(0, Head(0, NOTHING_BEFORE))


async def check_page(audit: Audit, reached: Reached, *, most: int, noted: Head | None = None) -> Report:
    """Check the next `most` numbers behind `reached`; `noted` is a head that was noted elsewhere, earlier.

    Raises `StoreUnavailable`.
    """
    # First: seals up to here never change again, so what is read afterwards belongs to it.
    chain = await audit.chain()
    links = await audit.links(after=reached.id, through=chain.through, limit=most)
    is_last = len(links) < most
    findings = [*_walked(reached, links)]
    seals = [link.seal for link in links if link.seal is not None]
    head = Head(seals[-1].place, seals[-1].hash) if seals else reached.head
    if noted is not None:
        findings += _beside(noted, reached.head, seals, is_last=is_last)
    if is_last:
        findings += _at_the_end(head, chain.head)
    return Report(Reached(links[-1].id if links else reached.id, head), len(links), tuple(findings), is_last, chain)


def _walked(reached: Reached, links: Iterable[Link]) -> Iterator[Finding]:
    before = reached.head
    for link in links:
        if link.seal is None:
            said = "" if link.act is None else f" ({_told(link.act)})"
            why = "was inserted, or its seal was removed: all around it are sealed"
            yield Finding(Wrong.INSERTED, link.id, None, f"act {link.id}{said} {why}")
            continue
        yield from _linked(before, link.seal)
        yield from _content(link.seal, link.act)
        before = Head(link.seal.place, link.seal.hash)


def _linked(before: Head, seal: Seal) -> Iterator[Finding]:
    """Whether a seal follows from the one before it."""
    if seal.place > before.place + 1:
        yield _gone(before.place + 1, seal.place - 1)
    elif seal.place <= before.place or seal.previous != before.hash:
        why = f"does not follow from the one at place {before.place}: one of them was written anew"
        yield Finding(Wrong.RESEALED, seal.act, seal.place, f"the seal of act {seal.act} at place {seal.place} {why}")


def _content(seal: Seal, act: Act | None) -> Iterator[Finding]:
    """Whether an act is what was sealed."""
    if act is None:
        says = f"act {seal.act} was removed; its seal at place {seal.place} is there"
        yield Finding(Wrong.REMOVED, seal.act, seal.place, says)
    elif sealed(seal.place, seal.sealed_at, act, seal.previous).hash != seal.hash:
        says = f"act {act.id} is not what was sealed at place {seal.place}: it says {_told(act)}"
        yield Finding(Wrong.CHANGED, act.id, seal.place, says)


def _beside(noted: Head, before: Head, seals: Iterable[Seal], *, is_last: bool) -> Iterator[Finding]:
    """Whether the chain has the seal that was noted, where it lies on this page."""
    reached = before.place
    for seal in seals:
        if seal.place == noted.place and seal.hash != noted.hash:
            says = f"the seal at place {noted.place} is not the one that was noted: acts up to it were sealed anew"
            yield Finding(Wrong.RESEALED, seal.act, noted.place, says)
        reached = seal.place
    if is_last and reached < noted.place:
        says = f"the chain ends at place {reached}, before the noted place {noted.place}: later acts are gone"
        yield Finding(Wrong.REMOVED, None, noted.place, says)


def _at_the_end(found: Head, head: Head) -> Iterator[Finding]:
    """Whether the chain ends where it says."""
    if found.place < head.place:
        yield _gone(found.place + 1, head.place)
    elif found != head:
        says = f"the chain ends at place {found.place} with another seal than it says: one of them was written anew"
        yield Finding(Wrong.RESEALED, None, found.place, says)


def _gone(first: int, last: int) -> Finding:
    what = f"the act at place {first}" if first == last else f"the acts at places {first} to {last}"
    return Finding(Wrong.REMOVED, None, first, f"{what} and the seal{'' if first == last else 's'} were removed")


def _told(act: Act) -> str:
    return f"{act.action} by {act.actor}"
