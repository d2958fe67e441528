"""What messages of an intake become, on the command line; and how they come, through a real RabbitMQ."""

from __future__ import annotations

from pathlib import Path

import aiormq
import orjson
import pytest
from aiormq import spec

from adapters.rabbitmq.topology import EVENTS, UNROUTED
from gateway.exits import Exit
from tests.fixtures.apart import apart
from tests.gateway.cli.conftest import EXAMPLES, cli

POLICY = str(EXAMPLES / "policy.yaml")
MESSAGE = EXAMPLES / "intakes" / "clock.json"
CHECK = ("event", "validate", "--intake", "clock", "--policy", POLICY)


def test_it_shows_what_the_example_becomes() -> None:
    shown = cli(*CHECK, str(MESSAGE))
    assert shown.exit_code == 0
    assert '"type": "timesheet.approved.v1"' in shown.stdout
    assert '"hours": "7.50"' in shown.stdout
    assert "1 of 1 events are valid" in shown.stdout
    [event] = orjson.loads(cli("-o", "json", *CHECK, str(MESSAGE)).stdout)["became"]
    assert event["id"] == "4711-1-A"
    # And what it becomes is an event as any other
    assert cli("event", "validate", "-", stdin=orjson.dumps(event)).exit_code == 0


def test_it_tells_what_is_wrong_and_where(tmp_path: Path) -> None:
    sent = orjson.loads(MESSAGE.read_bytes())
    wrong = sent | {"company": "300"}
    file = tmp_path / "day.jsonl"
    file.write_bytes(orjson.dumps(sent) + b"\n" + orjson.dumps(wrong) + b"\n<xml/>\n")
    shown = cli(*CHECK, str(file))
    assert shown.exit_code == Exit.FAILED
    assert "1 of 3 events are valid" in shown.stdout
    told = orjson.loads(cli("-o", "json", *CHECK, str(file)).stdout)["refused"]
    assert [(row["line"], row["class"], row["code"], row["field"]) for row in told] == [
        (2, "mapping", "intake_value_unmapped", "/company"),
        (3, "schema", "not_json", None),
    ]
    assert told[0]["reason"].startswith("intake clock: ")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--intake", "watch", "--policy", POLICY), Exit.NOT_FOUND, "known are clock"),
        (("--intake", "clock"), Exit.USAGE, "give --policy"),
    ],
)
def test_an_intake_that_is_not_there(arguments: tuple[str, ...], code: Exit, told: str) -> None:
    shown = cli("event", "validate", *arguments, str(MESSAGE))
    assert shown.exit_code == code
    assert told in shown.stderr


def test_the_topology_has_its_routing_keys() -> None:
    assert "timesheet.# clock.sheets.*" in cli("topology", "show", "--policy", POLICY).stdout
    assert "clock" not in cli("topology", "show").stdout


def test_its_messages_come_by_the_queue_of_its_entity(amqp_url: str) -> None:
    """One queue for all that is about an entity, so that what is about one key stays in its order."""
    env = {"TALLYSTICK_AMQP_URL": amqp_url, "TALLYSTICK_POLICY": POLICY}
    # Before the binding is there, such messages are strays
    assert cli("topology", "apply", "--amqp-url", amqp_url).exit_code == 0
    assert apart(published(amqp_url, "clock.sheets.de")) == {"tallystick.timesheet": 0, UNROUTED: 1}
    # Then they stand in the entity's queue, in order with its events
    applied = cli("topology", "apply", env=env)
    assert "Bound tallystick.timesheet to clock.sheets.*." in applied.stdout
    assert apart(published(amqp_url, "clock.sheets.de", "timesheet.approved", "clock.sheets.at", "clock.cards.de")) == {
        "tallystick.timesheet": 3,
        UNROUTED: 2,
    }


async def published(amqp_url: str, *routing_keys: str) -> dict[str, int]:
    """Publish, and answer how many messages stand in each of two queues."""
    async with aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        for routing_key in routing_keys:
            answer = await channel.basic_publish(b"{}", exchange=EVENTS, routing_key=routing_key)
            assert isinstance(answer, spec.Basic.Ack)
        found = {}
        for queue in ("tallystick.timesheet", UNROUTED):
            declared = await channel.queue_declare(queue, passive=True)
            found[queue] = declared.message_count or 0
    return found
