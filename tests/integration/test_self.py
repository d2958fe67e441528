"""What actors ask of each other, on real servers, while processes are killed with it on its way."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Final

import orjson
import pytest
import yaml

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import EVENTS, topology
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes
from tests.gateway.toy import NOW
from tests.integration.firm import SILENT, Firm, GatewayProcess, until
from tests.sim.pals import CHAT, SIM_ACTORS, Chat
from tests.sim.policy import PALS

CHATS: Final = 120
SETTLED: Final = 90.0
"""Seconds within which everything is settled: leases of the dead lapse first."""
ON_ITS_WAY: Final = "SELECT count(*) FROM tallystick.attempt WHERE system = 'self' AND ending IS NULL"


def chat(n: int, chance: Random) -> tuple[str, Chat]:
    """To whom, and what."""
    pals = [f"pal {m}" for m in range(6)]
    routes = tuple(tuple(chance.choice(pals) for _ in range(chance.randint(1, 3))) for _ in range(2))
    return chance.choice(pals), Chat(name=f"{n}", routes=routes)


def events(chats: Sequence[tuple[str, Chat]]) -> list[Outgoing]:
    return [_outgoing(f"chat-{n}", pal, said) for n, (pal, said) in enumerate(chats)]


def _outgoing(id: str, pal: str, said: Chat) -> Outgoing:
    body = encode(Attributes(PALS, id, CHAT.type, pal, NOW), said)
    return Outgoing(EVENTS, CHAT.name, body, STRUCTURED, {}, message_id=id)


def expected(chats: Sequence[tuple[str, Chat]]) -> tuple[Counter[str], Counter[str]]:
    """How much each pal hears, and how often what it tells arrives."""
    heard: Counter[str] = Counter()
    arrived: Counter[str] = Counter()
    for pal, said in chats:
        heard[pal] += 1
        for route in said.routes:
            for teller, told in zip((pal, *route), route, strict=False):
                arrived[teller] += 1
                heard[told] += 1
    return heard, arrived


@pytest.mark.parametrize("kills", [2, pytest.param(4, marks=pytest.mark.long)])
async def test_processes_that_die_with_it_on_its_way_leave_one_effect_of_each(installation: Firm, kills: int) -> None:
    chance = Random(7)
    chats = [chat(n, chance) for n in range(CHATS)]
    policy = installation.folder / "policy.yaml"
    content = yaml.safe_load(policy.read_text(encoding="utf-8"))
    content["sources"][PALS] = {"users": ["guest"], "types": ["pal.*"]}
    policy.write_text(yaml.safe_dump(content), encoding="utf-8")
    administration = RabbitAdministration(installation.amqp_url)
    await administration.apply(topology(tuple(SIM_ACTORS)))
    await administration.close()

    # Given processes that are killed while something is on its way from one to another
    share = CHATS // (kills + 1)
    for life in range(kills):
        left = await installation.count(ON_ITS_WAY)
        gateway = await installation.start("-m", "tests.integration.talkative", **SILENT)
        await installation.publish(events(chats)[: share * (life + 1)][share * life :])
        await until(partial(_is_caught, installation, gateway, left), 30, "something is on its way", every=0.01)
        await gateway.kill()
    await installation.publish(events(chats)[share * kills :])
    await installation.start("-m", "tests.integration.talkative", **SILENT)

    # Then in the end each was told once
    heard, arrived = expected(chats)

    async def is_settled() -> bool:
        applied = await installation.count("SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'")
        return applied == heard.total() and await installation.is_settled()

    await until(is_settled, SETTLED, "everybody was told")
    rows = await installation.database.fetch("SELECT key, state::text FROM tallystick.entity WHERE entity = 'pal'")
    states = {row["key"]: orjson.loads(row["state"]) for row in rows}
    assert {key: state["heard"] for key, state in states.items()} == heard
    assert {key: state["arrived"] for key, state in states.items() if state["arrived"]} == arrived
    unheard = await installation.count(f"{ON_ITS_WAY} AND system = 'self'")
    assert unheard >= kills, "each kill left an attempt without an end"
    again = await installation.count(
        "SELECT count(DISTINCT a.command_id) FROM tallystick.attempt a WHERE a.ending IS NULL AND EXISTS ("
        "SELECT FROM tallystick.attempt b WHERE b.command_id = a.command_id AND b.ending = 'confirmed')"
    )
    assert again >= kills, "and another attempt at the same command was confirmed"
    assert not await installation.count("SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL")


async def _is_caught(installation: Firm, gateway: GatewayProcess, left: int) -> bool:
    """Whether the process, which stands still then, has more on its way than what earlier ones have `left`.

    What it has sent to the database is done by then, so nothing of it comes to its end any more.
    """
    gateway.process.send_signal(signal.SIGSTOP)
    await until(lambda: _is_quiet(installation), 10, "the database has done what it was asked", every=0.01)
    if await installation.count(ON_ITS_WAY) > left:
        return True
    gateway.process.send_signal(signal.SIGCONT)
    return False


async def _is_quiet(installation: Firm) -> bool:
    return not await installation.count(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' "
        "AND backend_type = 'client backend' AND wait_event_type IS DISTINCT FROM 'Client'"
    )
