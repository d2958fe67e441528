"""Lines: 100,000 approved ones stand in the outbox, ten of a sheet, and are posted in batches.

The sandbox ERP takes 5 ms for a request, be it a batch. Meanwhile new sheets are approved at a steady rate, for posting
must not hold up what comes in. Once more with each line of a sheet of its own, so that no two share anything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.rabbitmq.publishing import RabbitPublishing
from bench import load, seed
from bench.checks import WrongRound, expect
from bench.load import Sheet
from bench.part import Found, Say
from bench.relay import busy, shares
from bench.served import Erp, Running, sandbox_erp, served
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes

BATCH: Final = {"size": 500, "wait_ms": 50, "in_order": True}
LINES: Final = 10
"""Of a sheet: a week of two projects."""
TICKS: Final = 10
"""A second; at each of them as many sheets are approved."""
SHEETS: Final = 10
MIB: Final = 2**20
LONGEST_SECONDS: Final = 1200.0
EVERY_SECONDS: Final = 0.25
SETTLED: Final = "SELECT (NOT EXISTS (SELECT FROM tallystick.outbox))::integer"
POSTED: Final = """
    SELECT EXTRACT(epoch FROM max(ended_at) - min(started_at)) FROM tallystick.attempt
    WHERE ending = 'confirmed' AND key NOT LIKE 'TS-NEW-%'
"""
"""Seconds from the first attempt at a line that waited to the last answer that was written down."""
SETTLING: Final = """
    SELECT EXTRACT(epoch FROM (SELECT max(at) FROM tallystick.timeline WHERE key NOT LIKE 'TS-NEW-%')
                            - (SELECT min(started_at) FROM tallystick.attempt))
"""
"""Seconds until the decision on the last result, too."""
WAITS: Final = """
    SELECT percentile_cont($1) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM t.at
               - (convert_from(i.body, 'UTF8')::jsonb ->> 'time')::timestamptz) * 1000)
    FROM tallystick.timeline t JOIN tallystick.inbox i ON i.ref = t.ref
    WHERE t.what = 'applied' AND i.key LIKE 'TS-NEW-%'
"""
"""Milliseconds from publishing a new sheet until the commit that applied it began."""
REQUESTS: Final = "SELECT count(*) FROM (SELECT DISTINCT token, request FROM tallystick.attempt) each"


@dataclass(frozen=True, slots=True)
class Evening:
    """Lines a second that were posted, and those whose result was decided on; milliseconds that new sheets took.

    `memory`: MiB at equal distances. `busy`: who used the processors.
    """

    posted: float
    settled: float
    p50: float
    p99: float
    memory: list[float]
    busy: str


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Lines per second, milliseconds that new sheets take meanwhile, and MiB."""
    many = await _evening(servers, sizes.open_commands, LINES, say)
    apart = await _evening(servers, sizes.open_commands, 1, say)
    return Found(
        {
            "posted": [round(many.posted)], "settled": [round(many.settled)], "apart": [round(apart.posted)],
            "MiB": many.memory,
        },
        {
            "lines": many.posted, "lines settled": many.settled, "lines apart": apart.posted, "lines p50": many.p50,
            "lines p99": many.p99, "lines memory": max(*many.memory, *apart.memory),
        },
        [f"while lines of sheets of {LINES} were posted {many.busy}", f"of sheets of one {apart.busy}"],
    )  # fmt: skip


async def _evening(servers: Servers, count: int, lines: int, say: Say) -> Evening:
    """Post `count` lines that stand in the outbox, so many of a sheet."""
    sheets = max(count // lines, 1)
    waiting = (sheets + 1) * lines  # the sheet that the others are copies of waits, too
    async with fresh(servers) as place, sandbox_erp() as erp:
        exchange = await seed.prepare(place, lines)
        await seed.open_commands(place, sheets, say)
        await seed.tidied(place)
        async with served(place, erp, BATCH) as gateway:
            before = busy(gateway, erp)
            memory, approved = await _posted(place, erp, gateway, exchange, waiting)
            after = busy(gateway, erp)
        await _check(place, erp, waiting + approved)
        seconds, settling = await place.number(POSTED), await place.number(SETTLING)
        p50, p99 = await place.number(WAITS, 0.5), await place.number(WAITS, 0.99)
        requests = await place.number(REQUESTS)
    found = Evening(waiting / seconds, waiting / settling, p50, p99, memory, shares(before, after))
    say(
        f"lines, {lines} of a sheet: {found.posted:,.0f}/s posted, {found.settled:,.0f}/s settled, "
        f"{(waiting + approved) / requests:,.0f} a request; "
        f"{approved:,} new sheets meanwhile: p50 {p50:.1f} ms, p99 {p99:.1f} ms; at most {max(memory):.0f} MiB; "
        f"{found.busy}"
    )
    return found


async def _posted(place: Place, erp: Erp, gateway: Running, exchange: str, count: int) -> tuple[list[float], int]:
    """MiB at equal distances until all is settled, and how many sheets were approved meanwhile."""
    memory: list[float] = []
    has_begun, is_over = asyncio.Event(), asyncio.Event()

    async def is_posted() -> bool:
        memory.append(round(gateway.memory / MIB, 1))
        effects = await erp.effects()
        if effects > 0:
            has_begun.set()
        return effects >= count

    async def is_settled() -> bool:
        memory.append(round(gateway.memory / MIB, 1))
        return bool(await place.number(SETTLED))

    approving = asyncio.create_task(_approve(place, exchange, has_begun, is_over))
    try:
        await gateway.until(is_posted, LONGEST_SECONDS, "every line was posted", EVERY_SECONDS)
    finally:
        has_begun.set()
        is_over.set()
        approved = await approving
    await gateway.until(is_settled, LONGEST_SECONDS, "every line was settled", EVERY_SECONDS)
    return memory, approved


async def _approve(place: Place, exchange: str, has_begun: asyncio.Event, is_over: asyncio.Event) -> int:
    """Publish new sheets from the one moment to the other, and say how many."""
    await has_begun.wait()
    publishing = RabbitPublishing(place.amqp_url, report=lambda _report: None)
    sent = 0
    try:
        while not is_over.is_set():
            names = range(sent, sent + SHEETS)
            sheets = [Sheet(f"new-{name}", f"NEW-{name}", "L0", time=datetime.now(UTC)) for name in names]
            await load.publish(publishing, [load.message(exchange, sheet) for sheet in sheets])
            sent += SHEETS
            await asyncio.sleep(1 / TICKS)
    finally:
        await publishing.close()
    return sent


async def _check(place: Place, erp: Erp, count: int) -> None:
    """Every line was posted once. Raises `WrongRound`."""
    await expect(place, "SELECT count(*) FROM tallystick.attempt WHERE ending = 'confirmed'", count)
    await expect(place, "SELECT count(*) FROM tallystick.attempt WHERE ending IS DISTINCT FROM 'confirmed'", 0)
    effects = await erp.effects()
    if effects != count:
        raise WrongRound(f"the ERP has {effects} effects, not {count}")
