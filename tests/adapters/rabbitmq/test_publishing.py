"""Cutting a batch where a message id repeats, and the broker's reasons that only a report tells."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.ports.broker import BrokerUnavailable, Outgoing, Published
from adapters.rabbitmq.publishing import RabbitPublishing, runs_without_repeats
from adapters.rabbitmq.reports import Change
from adapters.rabbitmq.topology import EVENTS, topology
from tests.adapters.rabbitmq.wire import Wire, wire_to
from tests.contracts.broker_stands import RabbitStand, until


def message(message_id: str, exchange: str = EVENTS) -> Outgoing:
    return Outgoing(exchange, "project.activated", b"{}", "application/json", {}, message_id)


@pytest.mark.parametrize(
    ("ids", "runs"),
    [("", []), ("abc", ["abc"]), ("aab", ["a", "ab"]), ("abcabc", ["abc", "abc"]), ("abba", ["ab", "ba"])],
)
def test_no_run_has_an_id_twice(ids: str, runs: list[str]) -> None:
    cut = runs_without_repeats([message(message_id) for message_id in ids])
    assert ["".join(one.message_id for one in run) for run in cut] == runs


@pytest.fixture
async def stand(amqp_url: str) -> AsyncIterator[RabbitStand]:
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        yield stand
        await stand.close()


async def test_why_the_broker_refused_is_reported(stand: RabbitStand) -> None:
    assert await stand.publishing().publish([message("m", exchange="nowhere")]) == [Published.REFUSED]
    await until(lambda: Change.PUBLISHER_REFUSED in [report.change for report in stand.reports])
    assert any("no exchange 'nowhere'" in report.reason for report in stand.reports)


async def test_without_a_confirm_in_time_it_counts_as_refused(stand: RabbitStand) -> None:
    publishing = stand.publishing()
    assert await publishing.publish([message("m1")]) == [Published.CONFIRMED]
    stand.wire.stall()
    assert await publishing.publish([message("m2"), message("m3")]) == [Published.REFUSED, Published.REFUSED]
    stand.wire.resume()
    assert await publishing.publish([message("m4")]) == [Published.CONFIRMED]


async def test_a_connection_lost_before_the_confirm_counts_as_refused(stand: RabbitStand) -> None:
    publishing = stand.publishing()
    assert await publishing.publish([message("m1")]) == [Published.CONFIRMED]
    stand.wire.stall()
    stand.wire.cut()
    stand.wire.resume()
    assert await refused_or_unavailable(publishing)


async def refused_or_unavailable(publishing: RabbitPublishing) -> bool:
    try:
        return await publishing.publish([message("m2")]) == [Published.REFUSED]
    except BrokerUnavailable:
        return True


async def test_without_a_broker_nothing_is_sent_and_that_is_told() -> None:
    wire = Wire("amqp://guest:guest@127.0.0.1/")
    await wire.open()
    await wire.shut()
    publishing = RabbitPublishing(wire.url, report=lambda _: None, patience=0.1)
    with pytest.raises(BrokerUnavailable):
        await publishing.publish([message("m")])
    assert not publishing.is_connected
    await publishing.close()
