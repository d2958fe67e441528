"""The import: a report first, then an inner event for each new row, which the row's own actor decides on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from adapters.ports.bindings import Bindings
from gateway.bindings.match import Match, Matched, Terms, counts, match
from gateway.bindings.rows import Numbered, Row
from gateway.inner import Delivers, InnerEvent
from schemas.bound import Bound
from schemas.commands import OURS
from schemas.keys import ActorKey

ACTION: Final = "binding.import"
SOURCE: Final = f"{OURS}:import"
SECONDS: Final = 6.0
"""How long one import delivers, at most: its request has an answer within ten."""
AT_ONCE: Final = 64
"""Events on their way at a time."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import. `report` is what was found before; `left`: new rows that are not known yet, with why.

    `is_applied`: whether anything was to be changed. Not for a dry run, nor with conflicts that were not to be skipped.
    """

    report: Sequence[Matched]
    is_applied: bool
    left: Sequence[Matched] = ()


class Importing:
    """Imports bindings. `seconds` bound how long one import delivers; what is left then is imported by the next.

    Each event has an id of its own: one that an actor ignored because its command was under way may be said again.
    """

    def __init__(self, bindings: Bindings, inner: Delivers, ids: Callable[[], UUID], seconds: float = SECONDS) -> None:
        self._bindings = bindings
        self._inner = inner
        self._ids = ids
        self._seconds = seconds

    async def report(self, rows: Sequence[Numbered], terms: Terms) -> list[Matched]:
        """What each row meets. Raises `StoreUnavailable`."""
        known = await self._bindings.look({each.row.external for each in rows}, {each.row.ours for each in rows})
        return match(rows, known, terms)

    async def run(
        self, rows: Sequence[Numbered], terms: Terms, *, skip_conflicts: bool, actor: str, reason: str
    ) -> Imported:
        """Import what is new, unless there are conflicts that are not to be skipped. Audited before and after."""
        report = await self.report(rows, terms)
        if any(each.match.is_conflict for each in report) and not skip_conflicts:
            return Imported(report, is_applied=False)
        new = [each for each in report if each.match is Match.NEW]
        about = f"{_digest(rows)}: {_summary(report)}"
        await self._bindings.record(ACTION, actor=actor, reason=f"{reason} ({about})")
        await self._deliver(new)
        left = [each for each in await self.report([Numbered(each.line, each.row) for each in new], terms)
                if each.match is not Match.SAME]  # fmt: skip
        done = f"{len(new) - len(left)} imported, {len(left)} left"
        await self._bindings.record(f"{ACTION}.done", actor=actor, reason=f"{reason} ({_digest(rows)}: {done})")
        return Imported(report, is_applied=True, left=left)

    async def _deliver(self, new: Sequence[Matched]) -> None:
        """Say each to its key, those of one key in the order of the file."""
        by_key: dict[ActorKey, list[Row]] = {}
        for each in new:
            by_key.setdefault(each.row.ours, []).append(each.row)
        places = asyncio.Semaphore(AT_ONCE)

        async def say(key: ActorKey, rows: Sequence[Row]) -> None:
            async with places:
                for row in rows:
                    type_ = f"{key.entity}.bound.v1"
                    await self._inner.deliver(InnerEvent(SOURCE, str(self._ids()), type_, key, bound_of(row)))

        try:
            async with asyncio.timeout(self._seconds), asyncio.TaskGroup() as group:
                for key, rows in by_key.items():
                    group.create_task(say(key, rows))
        except TimeoutError:
            return  # what is left is told, and the same file imports it


def bound_of(row: Row) -> Bound:
    """What the actor is told."""
    return Bound(
        to=row.key, system=row.system, kind=row.external.kind, external_id=row.external_id,
        legal_entity=row.legal_entity,
    )  # fmt: skip


def _digest(rows: Sequence[Numbered]) -> str:
    content = "\n".join(repr((each.row.ours, each.row.external, each.row.legal_entity)) for each in rows)
    return f"rows {hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _summary(report: Sequence[Matched]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in counts(report).items())
