"""A guest in somebody's virtual host: brings its own things, takes them away, and touches nothing else."""

from __future__ import annotations

import pytest

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.guest import BrokerInUse, guest
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Report
from adapters.rabbitmq.topology import EVENTS, topology

TOPOLOGY = topology(("timesheet",))
EVENT = Outgoing(EVENTS, "timesheet.approved", b"{}", "application/json", {}, "1")


def unheard(report: Report) -> None:
    """Nothing is said."""


async def publish(url: str) -> None:
    publishing = RabbitPublishing(url, report=unheard)
    try:
        assert await publishing.publish([EVENT]) == [Published.CONFIRMED]
    finally:
        await publishing.close()


async def test_what_it_brought_is_gone_afterwards_with_all_that_is_in_it(amqp_url: str) -> None:
    administration = RabbitAdministration(amqp_url)
    try:
        nothing = await administration.missing(TOPOLOGY)
        async with guest(amqp_url, TOPOLOGY):
            assert await administration.missing(TOPOLOGY) == []
            await publish(amqp_url)
        assert await administration.missing(TOPOLOGY) == nothing
    finally:
        await administration.close()


async def test_where_a_gateway_lives_it_does_not_enter_and_nothing_is_lost(amqp_url: str) -> None:
    administration = RabbitAdministration(amqp_url)
    try:
        await administration.apply(TOPOLOGY)
        await publish(amqp_url)
        with pytest.raises(BrokerInUse, match=r"tallystick\.timesheet"):
            async with guest(amqp_url, TOPOLOGY):
                pass
        assert await administration.missing(TOPOLOGY) == []
        assert await administration.depth("tallystick.timesheet") == 1
    finally:
        await administration.close()
