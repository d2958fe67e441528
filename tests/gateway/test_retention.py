"""The cleaner: batch after batch, one round after the other, and never all the time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from adapters.ports.retention import Old
from adapters.ports.turns import StoreUnavailable
from gateway.retention import BATCH, Cleaner
from tests.runtime.virtual import run

AGES = {Old.INBOX: 400.0, Old.CASES: 100.0}


@dataclass
class Rows:
    """`Retention` over numbers of old rows; `times` are those of its calls."""

    old: Counter[Old]
    is_away: bool = False
    too_slow: Old | None = None
    is_taken: bool = False
    seconds: float = 0.0
    """That a call takes."""
    times: list[float] = field(default_factory=list)

    async def remove(self, old: Old, *, age: float, limit: int) -> int | None:
        assert age == AGES[old]
        self.times.append(asyncio.get_running_loop().time())
        if self.is_away or old is self.too_slow:
            raise StoreUnavailable("away")
        if self.is_taken:
            return None
        await asyncio.sleep(self.seconds)
        gone = min(self.old[old], limit)
        self.old[old] -= gone
        return gone

    async def close(self) -> None:
        """Nothing to close."""


async def cleaned(rows: Rows, seconds: float) -> Counter[Old]:
    """What was told to have gone after so many seconds."""
    told: Counter[Old] = Counter()

    def observed(old: Old, count: int) -> None:
        told[old] += count

    running = asyncio.create_task(Cleaner(rows, AGES, observed, rest=1.0, every=600.0).run())
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return told


def test_everything_old_goes_in_batches_with_a_rest_after_each() -> None:
    rows = Rows(Counter({Old.INBOX: 2 * BATCH + 1, Old.CASES: 3}))
    told = run(cleaned(rows, 10.5))
    assert told == {Old.INBOX: 2 * BATCH + 1, Old.CASES: 3}
    assert len(rows.times) == 4
    assert all(later - earlier >= 1 for earlier, later in zip(rows.times, rows.times[1:], strict=False))


def test_it_rests_as_long_as_a_batch_took() -> None:
    rows = Rows(Counter({Old.INBOX: 3 * BATCH}), seconds=7.0)
    run(cleaned(rows, 60))
    assert rows.times == pytest.approx([0, 14, 28, 42, 56])


def test_the_next_round_comes_later() -> None:
    rows = Rows(Counter())
    run(cleaned(rows, 590))
    assert len(rows.times) == 2
    rows = Rows(Counter())
    run(cleaned(rows, 610))
    assert len(rows.times) == 4


def test_an_outage_or_another_process_leaves_it_to_a_later_round() -> None:
    for rows in (Rows(Counter({Old.INBOX: 1}), is_away=True), Rows(Counter({Old.INBOX: 1}), is_taken=True)):
        assert not run(cleaned(rows, 500))
        rows.is_away = rows.is_taken = False
        assert run(cleaned(rows, 500)) == {Old.INBOX: 1}


def test_one_kind_that_cannot_be_removed_is_told_and_holds_up_no_other() -> None:
    rows = Rows(Counter({Old.INBOX: 1, Old.CASES: 3}), too_slow=Old.INBOX)
    with capture_logs() as logs:
        assert run(cleaned(rows, 500)) == {Old.CASES: 3}
    assert [(line["event"], line["kind"]) for line in logs] == [("retention_failed", Old.INBOX)]
