"""`tallystick publish` on a real RabbitMQ."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiormq
import orjson
import pytest

from adapters.ports.broker import Queue, Topology
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import EVENTS
from gateway.cli.sending import BATCH
from gateway.cli.topology import the_topology
from gateway.exits import Exit
from schemas.codec import STRUCTURED
from tests.fixtures.apart import apart
from tests.fixtures.rabbitmq import Vhost
from tests.fixtures.wait import wait_for
from tests.gateway.cli.conftest import EXAMPLES, NOBODY, cli, program
from tests.gateway.cli.test_topology import stand


@dataclass(frozen=True, slots=True)
class Got:
    """A message as it stands in a queue."""

    body: Mapping[str, object]
    routing_key: str | None
    content_type: str | None
    message_id: str | None
    user_id: str | None
    is_persistent: bool


PROBE = "probe"


@pytest.fixture
def broker(vhost: Vhost) -> Vhost:
    """A broker in which everything stands, and a queue that has whatever is published."""
    apart(declare(vhost.url))
    return vhost


async def declare(amqp_url: str) -> None:
    await stand(amqp_url, the_topology())
    # RabbitMQ lets nobody look into queues with a single active consumer.
    await stand(amqp_url, Topology((), (Queue(PROBE, EVENTS, ("*.*",), {}),)))


async def take_all(amqp_url: str) -> list[Got]:
    """All that was published."""
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    got: list[Got] = []
    while (message := await channel.basic_get(PROBE, no_ack=True)).delivery_tag is not None:
        properties = message.header.properties
        got.append(
            Got(
                orjson.loads(message.body),
                message.routing_key,
                properties.content_type,
                properties.message_id,
                properties.user_id,
                properties.delivery_mode == 2,
            )
        )
    await connection.close()
    return got


def events(count: int, type_: str = "timesheet.approved.v1") -> bytes:
    return b"".join(orjson.dumps({"type": type_, "id": f"E-{n}", "n": n}) + b"\n" for n in range(count))


def test_lines_arrive_in_order_with_their_properties(broker: Vhost, tmp_path: Path) -> None:
    # Given more than two batches in a file
    count = 2 * BATCH + 7
    file = tmp_path / "day.jsonl"
    file.write_bytes(events(count))
    # When the PSA's user publishes it
    shown = cli("-o", "json", "publish", str(file), env={"TALLYSTICK_AMQP_URL": broker.url_for("psa")})
    # Then each is confirmed
    assert shown.exit_code == 0, shown.output
    told = orjson.loads(shown.stdout)
    assert (told["published"], told["unroutable"], told["sent_again"]) == (count, 0, 0)
    # And stands in its queue, in order, as a CloudEvent of that user
    got = apart(take_all(broker.url))
    assert [message.body["n"] for message in got] == list(range(count))
    assert {(m.routing_key, m.content_type, m.user_id, m.is_persistent) for m in got} == {
        ("timesheet.approved", STRUCTURED, "psa", True)
    }
    assert got[3].message_id == "E-3"


def test_the_examples_are_published_as_they_are(broker: Vhost) -> None:
    files = sorted(str(path) for path in (EXAMPLES / "events").glob("*.json"))
    shown = cli("publish", *files, "--check", "--amqp-url", broker.url)
    assert shown.exit_code == 0, shown.output
    assert f"Published {len(files)} events" in shown.stdout
    assert [message.body["type"] for message in apart(take_all(broker.url))] == [Path(file).stem for file in files]


def test_standard_input_is_read(broker: Vhost) -> None:
    shown = cli("publish", "-", "--amqp-url", broker.url, stdin=events(3))
    assert shown.exit_code == 0
    assert "Published 3 events" in shown.stdout
    assert len(apart(take_all(broker.url))) == 3


def test_a_rate_is_kept(broker: Vhost) -> None:
    shown = cli("-o", "json", "publish", "-", "--rate", "100", "--amqp-url", broker.url, stdin=events(50))
    assert shown.exit_code == 0
    # 50 events in bursts of 10: the last leaves after 0.4 s
    assert 0.4 <= orjson.loads(shown.stdout)["seconds"] < 5


def test_a_bad_line_is_named_and_what_stands_before_it_is_published(broker: Vhost, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_bytes(events(3) + b"{}\n" + events(2))
    shown = cli("publish", str(file), "--amqp-url", broker.url)
    assert shown.exit_code == Exit.FAILED
    assert f"{file}:4: `type` is missing" in shown.stderr
    assert "Published 3 events" in shown.stdout
    assert len(apart(take_all(broker.url))) == 3


def test_check_sends_nothing_if_one_is_bad(broker: Vhost, tmp_path: Path) -> None:
    good = orjson.dumps(orjson.loads((EXAMPLES / "events" / "timesheet.approved.v1.json").read_bytes())) + b"\n"
    file = tmp_path / "day.jsonl"
    file.write_bytes(good * 3 + events(30))
    shown = cli("publish", str(file), "--check", "--amqp-url", broker.url)
    assert shown.exit_code == Exit.FAILED
    assert f"{file}:4: " in shown.stderr
    assert "and 10 more" in shown.stderr
    assert apart(take_all(broker.url)) == []
    assert cli("publish", "-", "--check", "--amqp-url", broker.url, stdin=good).exit_code == Exit.USAGE


def test_unroutable_events_fail_and_are_named(broker: Vhost, tmp_path: Path) -> None:
    # Given a topology without the queue for strays
    apart(delete(broker.url, "tallystick.unrouted", PROBE))
    file = tmp_path / "day.jsonl"
    file.write_bytes(events(2) + events(2, "timesheets.approved.v1"))
    shown = cli("publish", str(file), "--amqp-url", broker.url)
    assert shown.exit_code == Exit.FAILED
    assert "2 unroutable" in shown.stdout
    assert f"{file}:3: no queue is bound" in shown.stderr


async def delete(amqp_url: str, *queues: str) -> None:
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    for queue in queues:
        await channel.queue_delete(queue)
    await connection.close()


def test_without_the_exchange_nothing_is_sent(vhost: Vhost) -> None:
    shown = cli("publish", "-", "--amqp-url", vhost.url, stdin=events(1))
    assert shown.exit_code == Exit.NOT_FOUND
    assert "tallystick topology apply" in shown.stderr


def test_without_a_broker_or_its_password_it_is_told_at_once(vhost: Vhost) -> None:
    down = cli("publish", "-", "--amqp-url", f"amqp://{NOBODY}/", stdin=events(1))
    assert down.exit_code == Exit.UNREACHABLE
    assert "start RabbitMQ" in down.stderr
    refused = cli("publish", "-", "--amqp-url", vhost.url.replace("guest:guest", "guest:falsch"), stdin=events(1))
    assert refused.exit_code == Exit.AUTH
    assert cli("publish", "-", stdin=events(1)).exit_code == Exit.USAGE


def test_nothing_to_publish_is_no_failure(broker: Vhost) -> None:
    shown = cli("publish", "-", "--amqp-url", broker.url, stdin=b"\n")
    assert shown.exit_code == 0
    assert "Published 0 events" in shown.stdout


def test_idle_standard_input_does_not_hold_up_ctrl_c(broker: Vhost) -> None:
    # Given a publisher that has sent two batches, the second only after the first was confirmed, and waits for more
    with program("publish", "-", env={"TALLYSTICK_AMQP_URL": broker.url}, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(events(2 * BATCH).decode())
            process.stdin.flush()
            wait_for(lambda: apart(depth(broker.url)) == 2 * BATCH)
            # When it is interrupted
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)
            # Then it ends at once, and says what it has done
            assert process.stdout is not None
            assert process.stderr is not None
            said = process.stdout.read()
            assert said.startswith((f"Published {BATCH:,} events", f"Published {2 * BATCH:,} events")), said
            assert process.stderr.read().startswith("tallystick: stopped")
        finally:
            process.kill()
    assert process.returncode == Exit.FAILED


async def depth(amqp_url: str) -> int:
    administration = RabbitAdministration(amqp_url)
    try:
        return await administration.depth(PROBE)
    finally:
        await administration.close()
