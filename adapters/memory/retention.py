"""Retention in memory."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Final, assert_never

from adapters.memory.recon import ReconTables
from adapters.memory.rows import Accepted
from adapters.memory.tables import Clock, Tables
from adapters.ports.retention import Old
from schemas.verdicts import FINAL, Verdict

_OVER: Final = FINAL | {Verdict.CONFLICT}
"""A conflict is over with its case."""


class MemoryRetention:
    """Port `Retention`."""

    def __init__(self, tables: Tables, recon: ReconTables, clock: Clock) -> None:
        self._tables = tables
        self._recon = recon
        self._clock = clock

    async def remove(self, old: Old, *, age: float, limit: int) -> int | None:
        before = self._clock() - age
        match old:
            case Old.INBOX:
                return self._inbox(before, limit)
            case Old.ATTEMPTS:
                return self._attempts(before, limit)
            case Old.TIMELINE:
                timeline = self._tables.timeline
                gone = list(islice(takewhile(lambda line: line.at < before, timeline), limit))
                self._tables.timeline = timeline[len(gone) :]
                self._tables.timeline_removed += len(gone)
                return len(gone)
            case Old.CASES:
                cases = self._tables.cases
                closed = (row for row in cases if row.closed_at is not None and row.closed_at < before)
                numbers = {row.id for row in islice(closed, limit)}
                self._tables.cases = [row for row in cases if row.id not in numbers]
                return len(numbers)
            case Old.DEAD_LETTERS:
                letters = self._tables.dead_letters
                settled = (digest for digest, row in letters.items() if (row.settled_at or before) < before)
                digests = list(islice(settled, limit))
                for digest in digests:
                    del letters[digest]
                return len(digests)
            case Old.RECONCILIATIONS:
                return self._reconciliations(before, limit)
            case Old.ABANDONED:
                abandoned = self._tables.abandoned
                tokens = list(islice((token for token, at in abandoned.items() if at < before), limit))
                for token in tokens:
                    del abandoned[token]
                return len(tokens)
            case _:
                assert_never(old)

    async def close(self) -> None:
        """Nothing to close."""

    def _inbox(self, before: float, limit: int) -> int:
        tables = self._tables
        busy = {standing.command.key for standing in tables.outbox.values()}
        held = {row.opened.ref for row in tables.cases if row.is_open}
        held |= {ref for told in tables.notices for ref, _ in told.verdicts}

        def is_over(row: Accepted) -> bool:
            is_ended = row.verdict in _OVER and row.position is None
            return is_ended and row.key not in busy and row.message.ref not in held and row.at < before

        gone = list(islice((row for row in tables.inbox.values() if is_over(row)), limit))
        for row in gone:
            del tables.inbox[row.message.ref]
            del tables.identities[row.message.source, row.message.id]
        return len(gone)

    def _attempts(self, before: float, limit: int) -> int:
        tables = self._tables
        old = [
            (command_id, logged)
            for command_id, log in tables.attempts.items()
            if command_id not in tables.outbox
            for logged in log
            if logged.started_at < before
        ]
        for command_id, logged in old[:limit]:
            tables.attempts[command_id].remove(logged)
        return len(old[:limit])

    def _reconciliations(self, before: float, limit: int) -> int:
        runs, plans = self._recon.runs, self._recon.plans
        open_ = {plan.run for plan in plans.values() if plan.ended_at is None}
        old = [
            id
            for id, kept in runs.items()
            if kept.run.ended_at is not None and kept.run.ended_at.timestamp() < before and id not in open_
        ][:limit]
        left = limit
        for id in old:
            gone = runs[id].differences[:left]
            del runs[id].differences[:left]
            left -= len(gone)
        if left < limit:
            return limit - left
        for plan in [each for each in plans.values() if each.run in old]:
            del plans[plan.id]
        for id in old:
            del runs[id]
        return len(old)
