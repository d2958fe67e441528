"""`tallystick topology` on a real RabbitMQ."""

from __future__ import annotations

import orjson
import pytest

from adapters.ports.broker import Queue, Topology
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import EVENTS
from gateway.app import the_topology as what_the_gateway_declares
from gateway.cli.topology import the_topology
from gateway.exits import Exit
from tests.fixtures.apart import apart
from tests.fixtures.rabbitmq import Vhost
from tests.gateway.cli.conftest import NOBODY, cli


def test_what_is_shown_is_what_the_gateway_declares() -> None:
    assert the_topology() == what_the_gateway_declares()


def test_without_a_broker_it_is_shown_all_the_same() -> None:
    shown = cli("topology", "show")
    assert shown.exit_code == 0
    for name in ("tallystick.events", "tallystick.notices", "tallystick.customer", "tallystick.timesheet"):
        assert name in shown.stdout
    assert "timesheet.#" in shown.stdout
    assert "x-single-active-consumer=True" in shown.stdout
    assert "missing" not in shown.stdout


def test_a_broker_that_is_down_is_told_beside(amqp_url: str) -> None:
    shown = cli("topology", "show", "--amqp-url", f"amqp://guest:geheim@{NOBODY}/")
    assert shown.exit_code == 0
    assert "tallystick.events" in shown.stdout
    assert "start RabbitMQ" in shown.stderr
    assert "geheim" not in shown.output


def test_show_apply_show(amqp_url: str) -> None:
    env = {"TALLYSTICK_AMQP_URL": amqp_url}
    before = orjson.loads(cli("-o", "json", "topology", "show", env=env).stdout)
    assert {row["state"] for row in [*before["exchanges"], *before["queues"]]} == {"missing"}
    applied = cli("topology", "apply", env=env)
    assert applied.exit_code == 0
    assert "Declared queue tallystick.project." in applied.stdout
    after = orjson.loads(cli("-o", "json", "topology", "show", env=env).stdout)
    assert {row["state"] for row in [*after["exchanges"], *after["queues"]]} == {"present"}
    assert {
        "name": EVENTS,
        "type": "topic",
        "arguments": {"alternate-exchange": "tallystick.unrouted"},
        "state": "present",
    } in after["exchanges"]
    # Again is harmless, and says that nothing was missing
    assert "Declared" not in cli("topology", "apply", env=env).stdout


def test_other_arguments_are_a_conflict(amqp_url: str) -> None:
    apart(stand(amqp_url, Topology((), (Queue("tallystick.project", "", (), {"x-queue-type": "quorum"}),))))
    shown = cli("topology", "apply", "--amqp-url", amqp_url)
    assert shown.exit_code == Exit.CONFLICT
    assert "queue tallystick.project stands in the broker with other arguments" in shown.stderr


async def stand(amqp_url: str, topology: Topology) -> None:
    administration = RabbitAdministration(amqp_url)
    await administration.apply(topology)
    await administration.close()


def test_apply_needs_a_broker_and_the_right_password(vhost: Vhost) -> None:
    assert cli("topology", "apply").exit_code == Exit.USAGE
    assert cli("topology", "apply", "--amqp-url", "http://x").exit_code == Exit.USAGE
    assert cli("topology", "apply", "--amqp-url", f"amqp://{NOBODY}/").exit_code == Exit.UNREACHABLE
    refused = cli("topology", "apply", "--amqp-url", vhost.url.replace("guest:guest", "guest:falsch"))
    assert refused.exit_code == Exit.AUTH
    assert "correct user, password" in refused.stderr
    assert "falsch" not in refused.output


@pytest.mark.parametrize("url", ["amqp://h:gehe/im@x", "amqp://u:geheim@h:port/"])
def test_a_wrong_url_is_not_repeated(url: str) -> None:
    shown = cli("topology", "apply", "--amqp-url", url)
    assert shown.exit_code != 0
    assert "gehe" not in shown.output
