"""The relay: how fast open commands leave for a system that answers in 5 ms, and how fast the whole way goes."""

from __future__ import annotations

import os
from typing import Final

from bench import load
from bench.checks import WrongRound, expect
from bench.contenders import T, prepare_gateway
from bench.part import Found, Say
from bench.rounds import filled
from bench.served import Erp, Running, sandbox_erp, served
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes

LONGEST_SECONDS: Final = 1200.0
EVERY_SECONDS: Final = 0.5
"""Between two looks; the figures come from the times that the database wrote."""
SETTLED: Final = """
    SELECT (NOT EXISTS (SELECT FROM tallystick.outbox)
            AND (SELECT count(*) FROM tallystick.attempt WHERE ending = 'confirmed') >= $1)::integer
"""
"""Nothing is to be sent, and so many were confirmed."""
SENDING: Final = """
    SELECT EXTRACT(epoch FROM max(ended_at) - min(started_at)) FROM tallystick.attempt WHERE ending = 'confirmed'
"""
END_TO_END: Final = """
    SELECT EXTRACT(epoch FROM (SELECT max(ended_at) FROM tallystick.attempt)
                            - (SELECT min(received_at) FROM tallystick.inbox))
"""


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Commands per second from a full outbox, and messages per second with the relay on from the first one."""
    count = sizes.sent
    async with fresh(servers) as place, sandbox_erp() as erp:
        await filled(place, T, load.events(count, sizes.keys), count)
        await place.fetch("TRUNCATE tallystick.notice")  # T tells nobody, and the relay must not for it
        say(f"relay: {count:,} commands wait")
        sent = await _rate(place, erp, count, SENDING)
        say(f"relay: {sent[0]:,.0f} commands/s; {sent[1]}")
    async with fresh(servers) as place, sandbox_erp() as erp:
        await load.fill(place.amqp_url, await prepare_gateway(place), load.events(count, sizes.keys))
        all_the_way = await _rate(place, erp, count, END_TO_END)
        say(f"end to end: {all_the_way[0]:,.0f} messages/s; {all_the_way[1]}")
    return Found(
        {"commands": [round(sent[0])], "end to end": [round(all_the_way[0])]},
        {"relay": sent[0], "sustained": all_the_way[0]},
        [f"while the relay emptied the outbox {sent[1]}", f"end to end {all_the_way[1]}"],
    )


async def _rate(place: Place, erp: Erp, count: int, query: str) -> tuple[float, str]:
    """How many a second, and who used the processors meanwhile. Raises `WrongRound`."""

    async def is_settled() -> bool:
        return bool(await place.number(SETTLED, count))

    async with served(place, erp) as gateway:
        before = busy(gateway, erp)
        await gateway.until(is_settled, LONGEST_SECONDS, "every command was settled", EVERY_SECONDS)
        after = busy(gateway, erp)
    await expect(place, "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'", count)
    await expect(place, "SELECT count(*) FROM tallystick.attempt", count)
    effects = await erp.effects()
    if effects != count:
        raise WrongRound(f"the ERP has {effects} effects, not {count}")
    return count / await place.number(query), shares(before, after)


def busy(gateway: Running, erp: Erp) -> tuple[float, float, float, float]:
    """Seconds: by the clock, and of the processors by the gateway, the ERP, and all of the machine."""
    times = os.times()
    with open("/proc/stat", encoding="ascii") as machine:  # noqa: PTH123  # the first line is enough
        fields = [int(field) for field in machine.readline().split()[1:]]
    idle = fields[3] + fields[4]
    used = (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK")
    return times.elapsed, gateway.cpu_seconds, erp.running.cpu_seconds, used


def shares(before: tuple[float, float, float, float], after: tuple[float, float, float, float]) -> str:
    """Who used the processors between two such looks, and what binds."""
    seconds, gateway, erp, machine = (late - early for early, late in zip(before, after, strict=True))
    cores = os.cpu_count() or 1
    return (
        f"the gateway used {gateway / seconds:.2f} of a core, the sandbox {erp / seconds:.2f}, all programs together "
        f"{machine / seconds:.2f} of {cores}: {_binding(gateway / seconds, machine / seconds, cores)}"
    )


def _binding(gateway: float, machine: float, cores: int) -> str:
    if machine > 0.9 * cores:
        return "the machine's processors bind"
    if gateway > 0.9:
        return "the gateway's one core binds"
    return "waiting binds, for answers, commits, or leases"
