"""Senders that ask one gate at once: strictly as many pass as it lets, and nobody waits behind another's commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Final
from uuid import UUID

import pytest

from adapters.ports.gate import BreakerRule, Heard, HoldReason, Limits, Speech
from adapters.ports.outbox import Claimed, Ended, Ending, Leased
from adapters.ports.turns import Committed, Row
from adapters.postgres.outbox import _CLAIM, PostgresOutbox
from schemas.keys import ActorKey
from tests.adapters.postgres.stage import Connection, Stage, commit
from tests.contracts.turns import applied, asking, command, message, send_lane, settled, uuid

ANN, BOB = uuid("process ann"), uuid("process bob")
ONCE: Final = BreakerRule(failures=1, open_for=0.001, longest=0.001)
KEYS: Final = [ActorKey("timesheet", f"T-{number}") for number in range(6)]

_TOKENS: Final = count()


async def ask(stage: Stage, systems: Sequence[str] = ("erp",)) -> None:
    """Put a command of each key for each system into the outbox."""
    for key in KEYS:
        commands = [command(key, system=system) for system in systems]
        assert await commit(stage.observer, asking(applied(Row(key), message(key.id)), *commands)) == [Committed()]


async def claim(outbox: PostgresOutbox, limits: Limits, holder: UUID = ANN, system: str = "erp") -> Claimed:
    lanes = [send_lane(key, system) for key in KEYS]
    return await outbox.claim(lanes, holder=holder, token=uuid(f"token {next(_TOKENS)}"), limits=limits)


async def end(outbox: PostgresOutbox, speech: Speech, *leased: Leased, rule: BreakerRule = ONCE) -> None:
    heard = Heard(speech, rule)
    await outbox.record(
        [Ended(each.command, each.token, each.attempt, Ending.DEFERRED, hold=0.0, heard=heard) for each in leased]
    )


def arguments(limits: Limits) -> tuple[object, ...]:
    return limits.concurrency, limits.rate, limits.burst, limits.quota, list(limits.resets)


async def half_open(stage: Stage) -> None:
    """The breaker has opened, and its time is over."""
    outbox = stage.outbox()
    first = (await claim(outbox, Limits(concurrency=1))).leased
    await end(outbox, Speech.FAILED, *first)
    await stage.until_true("SELECT open_until < clock_timestamp() FROM tallystick.gate")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(rate=0.001, burst=1), HoldReason.RATE),
        (Limits(quota=1), HoldReason.QUOTA),
        (Limits(concurrency=1), HoldReason.CONCURRENCY),
        (Limits(), HoldReason.BREAKER),
    ],
    ids=lambda value: value if isinstance(value, HoldReason) else "",
)
async def test_of_two_claims_at_once_one_takes_what_is_left(stage: Stage, limits: Limits, reason: HoldReason) -> None:
    await ask(stage)
    if reason is HoldReason.BREAKER:
        await half_open(stage)
    # Given a claim that has taken the last there was, of a lane that the other does not want, and is not committed
    lane = "erp", [KEYS[0].entity], [KEYS[0].id]
    first = await stage.hold(
        lambda connection: connection.fetch(
            _CLAIM, *lane, ANN, uuid("first"), *arguments(limits), 0, None, [], [], [], None
        )
    )
    lanes = [send_lane(key) for key in KEYS[1:]]
    second = stage.start(stage.outbox().claim(lanes, holder=BOB, token=uuid("second"), limits=limits))
    await stage.until_waiting(second)
    await first.commit()
    # Then nothing is left for the other, though there was when it began to ask
    claimed = await second
    assert list(claimed.leased) == []
    assert claimed.hold is not None
    assert claimed.hold.reason is reason
    assert await stage.observer.fetchval("SELECT count(*) FROM tallystick.lease") == 1


async def test_a_claim_that_waits_for_a_commit_keeps_nobody_from_the_gate(stage: Stage) -> None:
    # Given a decision that is being committed, and a claim that waits for the lease which it ends
    await ask(stage)
    lane = [send_lane(KEYS[0])]
    [leased] = (await stage.outbox().claim(lane, holder=ANN, token=uuid("t0"))).leased
    row = (await stage.commits().load([KEYS[0]]))[KEYS[0]]

    async def decide(connection: Connection) -> None:
        assert await commit(connection, settled(row, (leased.command, leased.token))) == [Committed()]

    deciding = await stage.hold(decide)
    waiting = stage.start(stage.outbox().claim(lane, holder=BOB, token=uuid("t1"), limits=Limits(rate=1, burst=9)))
    await stage.until_waiting(waiting)
    # Then others claim and record at the same gate meanwhile
    other = stage.outbox()
    claimed = await other.claim([send_lane(KEYS[1])], holder=BOB, token=uuid("t2"), limits=Limits(rate=1, burst=9))
    await end(other, Speech.FAILED, *claimed.leased)
    assert not waiting.done()
    await deciding.commit()
    await waiting


async def test_claims_and_records_of_several_systems_at_once_never_deadlock(stage: Stage) -> None:
    await ask(stage, ("crm", "erp", "psa"))
    limits = Limits(concurrency=4, rate=10_000, burst=10_000, quota=10**9)
    rule = BreakerRule(failures=2, open_for=0.001, longest=0.001)
    speeches = [Speech.WELL, Speech.FAILED, Speech.FAILED, Speech.NEITHER]

    async def work(systems: Sequence[str], holder: UUID) -> int:
        outbox, done = stage.outbox(), 0
        for turn in range(40):
            leased = [each for system in systems for each in (await claim(outbox, limits, holder, system)).leased]
            for speech in (speeches[turn % 4], speeches[(turn + 1) % 4]):
                await end(outbox, speech, *leased[: len(leased) // 2 + 1], rule=rule)
                leased = leased[len(leased) // 2 + 1 :]
                done += 1
            await end(outbox, Speech.WELL, *leased, rule=rule)
        return done

    orders = [("crm", "erp", "psa"), ("psa", "erp", "crm"), ("erp", "psa", "crm")]
    done = await asyncio.gather(*(work(order, uuid(f"process {place}")) for place, order in enumerate(orders)))
    assert done == [80, 80, 80]
    assert await stage.observer.fetchval("SELECT count(*) FROM tallystick.lease") == 0
