"""The rules of gates stand twice, in Python and in SQL: random histories, played on both stores, must look alike.

Times are multiples of 64 s, so that the seconds which really pass on PostgreSQL in between decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from random import Random

import pytest

from adapters.ports.gate import BreakerRule, GateRow, Heard, Hold, Limits, Speech
from adapters.ports.outbox import Ended, Ending, Leased
from schemas.keys import ActorKey
from tests.contracts.store_stands import MemoryStoreStand, PostgresStoreStand, Process, StoreStand
from tests.contracts.turns import applied, asking, command, message, send_lane, uuid

STEPS = 60
UNIT = 128.0
RULE = BreakerRule(failures=2, open_for=UNIT / 2, longest=3 * UNIT)
KEYS = [ActorKey("timesheet", f"T-{number}") for number in range(6)]
NOBODY = ActorKey("timesheet", "nobody")
HOLDERS = [uuid(f"process {number}") for number in range(2)]


@dataclass
class Player:
    """Plays a history on one store; the same seed plays the same one. `seen` is what it looked like."""

    store: StoreStand
    chance: Random
    in_flight: list[list[Leased]] = field(default_factory=list)
    """Runs."""
    seen: list[object] = field(default_factory=list)
    passed: float = 0.0

    async def play(self) -> None:
        """All steps."""
        process = self.store.process()
        for number, key in enumerate(KEYS):
            body = b'{"legal_entity": "DE0%d"}' % (number % 2)
            asked = [command(key, f"{line}")._replace(body=body) for line in range(self.chance.randint(1, 4))]
            await process.commit(asking(applied(await process.row(key), message(key.id)), *asked))
        self.began = await self.store.now()
        self.limits = Limits(
            self.chance.choice((None, 2)), self.chance.choice((None, 1 / UNIT)), 3, self.chance.choice((None, 9)),
            together=self.chance.choice(({}, {"billable.create": 2}, {"billable.create": 5})),
            in_order=self.chance.choice((frozenset[str](), frozenset({"billable.create"}))),
            most=self.chance.choice((None, 4)),
        )  # fmt: skip
        acts = [self.claim] * 4 + [self.end] * 4 + [self.wait] * 2 + [self.take_over, self.pause, self.resume]
        for step in range(STEPS):
            await self.chance.choice(acts)(process, f"{step}")
            self.seen.extend(_shown(row) for row in await process.gates.gates())

    async def claim(self, process: Process, name: str) -> None:
        keys = self.chance.sample([*KEYS, NOBODY], k=self.chance.randint(1, 6))
        limits = replace(self.limits, resets=await self.resets())
        claimed = await process.outbox.claim(
            [send_lane(key) for key in keys], holder=self.chance.choice(HOLDERS), token=uuid(name), limits=limits
        )
        self.in_flight.extend(list(run) for _, run in groupby(claimed.leased, lambda each: each.command.key))
        leased = [(each.command.key, each.command.line, each.attempt) for each in claimed.leased]
        self.seen.append((name, "claim", leased, list(claimed.left), _rounded(claimed.hold)))

    async def end(self, process: Process, name: str) -> None:
        count = min(self.chance.randint(1, 3), len(self.in_flight))
        runs = [self.in_flight.pop(self.chance.randrange(len(self.in_flight))) for _ in range(count)]
        ended = [self._ended(each) for run in runs for each in run]
        self.seen.append((name, "end", [(each.command.key, each.heard) for each in ended]))
        await process.outbox.record(ended)

    async def wait(self, _process: Process, name: str) -> None:
        units = self.chance.choice((0.5, 1, 1, 3))
        self.seen.append((name, "wait", units))
        await self.store.pass_time(units * UNIT)
        self.passed += units * UNIT

    async def resets(self) -> list[datetime]:
        """When the quota's days begin; where time passes by moving what is recorded back, they move as well."""
        clock = (await self.store.now() - self.began).total_seconds()
        zero = self.began - timedelta(seconds=self.passed - round(clock / 64) * 64)
        return [zero + timedelta(seconds=UNIT * units) for units in (-10.25, 4.25, 19.25, 34.25, 300.25)]

    async def take_over(self, process: Process, name: str) -> None:
        self.seen.append((name, "take over", await process.outbox.take_over([self.chance.choice(HOLDERS)])))

    async def pause(self, process: Process, name: str) -> None:
        if self.chance.random() < 0.3:
            await process.gates.pause("erp", actor="ann", reason=name)

    async def resume(self, process: Process, name: str) -> None:
        await process.gates.resume("erp", actor="ann", reason=name)

    def _ended(self, leased: Leased) -> Ended:
        speech = self.chance.choices(list(Speech), weights=(3, 6, 1, 0.3))[0]
        wait = 1.5 * UNIT if speech is Speech.NEITHER else None
        heard = None if self.chance.random() < 0.1 else Heard(speech, RULE, wait)
        ending = self.chance.choices((Ending.DEFERRED, Ending.UNKNOWN), weights=(4, 1))[0]
        return Ended(leased.command, leased.token, leased.attempt, ending, hold=0.0, code="x", heard=heard)


def _rounded(hold: Hold | None) -> tuple[str, int | None] | None:
    return None if hold is None else (hold.reason, None if hold.seconds is None else round(hold.seconds / 64 - 0.25))


def _shown(row: GateRow) -> tuple[object, ...]:
    tokens = None if row.tokens is None else round(row.tokens * 2)
    return row.breaker, row.failures, row.last_failure, row.paused_by, row.pause_reason, tokens, row.used, row.in_flight


@pytest.mark.parametrize("seed", range(10))
async def test_both_stores_show_the_same(
    memory_store: MemoryStoreStand, postgres_store: PostgresStoreStand, seed: int
) -> None:
    players = [Player(store, Random(seed)) for store in (memory_store, postgres_store)]
    for player in players:
        await player.play()
    in_memory, on_postgres = players
    assert in_memory.seen == on_postgres.seen
