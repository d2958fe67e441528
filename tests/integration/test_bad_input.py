"""Every kind of bad input through the real broker and process: kept with its bytes, acked, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiormq
import pytest
from aiormq import spec

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import EVENTS, UNROUTED
from gateway.letters import BODY_BYTES
from gateway.local.found import Found
from schemas.codec import STRUCTURED
from schemas.values import Reference
from tests.contracts.shared_database import shared_database
from tests.fixtures.apart import apart
from tests.fixtures.rabbitmq import VhostPool
from tests.integration.bad_input import TABLE, Bad
from tests.integration.events import customer, deal, export, sheet
from tests.integration.firm import Firm, firm, until

QUEUES: Final = ("tallystick.customer", "tallystick.project", "tallystick.timesheet", UNROUTED)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as the database has it."""

    failure_class: str
    code: str
    reason: str
    queue: str


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left when all rows went through one process: dead letters by body, and the good messages applied."""

    letters: dict[bytes, list[Letter]]
    applied: set[str]
    left: dict[str, int]
    log: str


def good(place: int, bad: Bad) -> Outgoing:
    """What stands behind a bad message, in the same queue where that has an entity."""
    match bad.routing_key.partition(".")[0]:
        case "project":
            return deal(f"G{place}", "C0")
        case "legacy":
            return export(f"G{place}")
        case "timesheet":
            return sheet(f"G{place}", Reference(id="P0"))
        case _:
            return customer(f"G{place}")


async def publish(url: str, messages: list[tuple[str, bytes, spec.Basic.Properties]]) -> None:
    """As any client may; each confirmed."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        for routing_key, body, properties in messages:
            answer = await channel.basic_publish(body, exchange=EVENTS, routing_key=routing_key, properties=properties)
            assert isinstance(answer, spec.Basic.Ack)


async def play(database_url: str, amqp_url: str, folder: Path) -> Aftermath:
    """All rows of the table, each with a good message behind it, through one process."""
    async with firm(database_url, amqp_url, folder) as installation:
        await installation.publish([customer("C0"), deal("P0", "C0")])
        gateway = await installation.start_ready()
        messages = []
        for place, bad in enumerate(TABLE):
            odd = spec.Basic.Properties(
                content_type=bad.content_type, headers=dict(bad.headers), user_id=bad.user, delivery_mode=2
            )
            behind = good(place, bad)
            fine = spec.Basic.Properties(content_type=STRUCTURED, user_id="guest", delivery_mode=2)
            messages += [(bad.routing_key, bad.body, odd), (behind.routing_key, behind.body, fine)]
        await publish(amqp_url, messages)
        await until(lambda: has_ended(installation), 60, "every message has ended")
        assert await gateway.stop() == 0, "it lives to the end"
        return await aftermath(installation, gateway.log.read_text(encoding="utf-8"))


async def has_ended(installation: Firm) -> bool:
    """Whether every bad message is buried, and every good one applied."""
    buried = await installation.count("SELECT count(*) FROM tallystick.dead_letter")
    applied = await installation.count(
        "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied' AND source NOT LIKE 'tallystick:%'"
    )
    return buried == len(TABLE) and applied == len(TABLE) + 2


async def aftermath(installation: Firm, log: str) -> Aftermath:
    letters: dict[bytes, list[Letter]] = {}
    for row in await installation.database.fetch(
        "SELECT body, failure_class, code, reason, queue FROM tallystick.dead_letter"
    ):
        letters.setdefault(row[0], []).append(Letter(*row[1:]))
    rows = await installation.database.fetch("SELECT key FROM tallystick.inbox WHERE verdict = 'applied'")
    administration = RabbitAdministration(installation.amqp_url)
    left = {queue: await administration.depth(queue) for queue in QUEUES}
    await administration.close()
    return Aftermath(letters, {row[0] for row in rows}, left, log)


@pytest.fixture(scope="module")
def played(
    postgres: Found, template_database: str, rabbitmq: VhostPool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aftermath]:
    """The table, played once."""
    vhost = rabbitmq.take()
    amqp_url = rabbitmq.node.url_for("guest", "guest", vhost=vhost)
    found: list[Aftermath] = []

    async def story(database_url: str) -> None:
        found.append(await play(database_url, amqp_url, tmp_path_factory.mktemp("bad-input")))

    with shared_database(postgres.url, template_database, "bad_input") as database_url:
        apart(story(database_url))
        yield found[0]


@pytest.mark.parametrize("place", range(len(TABLE)), ids=[str(bad) for bad in TABLE])
def test_it_ends_as_a_dead_letter_with_a_reason_and_the_next_message_is_applied(played: Aftermath, place: int) -> None:
    bad = TABLE[place]
    [letter] = played.letters[bad.body[:BODY_BYTES]]
    assert (letter.failure_class, letter.code) == (bad.failure_class, bad.code)
    assert len(letter.reason) > 15
    assert letter.reason.isprintable()
    assert f"G{place}" in played.applied


def test_everything_was_acked_over_one_connection(played: Aftermath) -> None:
    assert played.left == dict.fromkeys(QUEUES, 0)
    assert "consumer_lost" not in played.log
    assert "delivery_failed" not in played.log
