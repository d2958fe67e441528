"""The contract of the broker's ports, run on the broker in memory and on RabbitMQ.

Longer than a file should be, so that the contract stays one list, and nobody runs half of it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from adapters.ports.broker import (
    BrokerUnavailable,
    Consuming,
    Delivery,
    Keepsake,
    Keepsakes,
    Outgoing,
    Published,
    Publishing,
    Subscription,
    TopologyDiffers,
)
from adapters.rabbitmq.topology import EVENTS, NOTICES, UNROUTED, WATERMARK, consumed, topology
from tests.adapters.rabbitmq.wire import wire_to
from tests.contracts.broker_stands import MemoryStand, RabbitStand, Stand, Taken, until

PROJECTS, SHEETS = "tallystick.project", "tallystick.timesheet"
TOPOLOGY = topology(["project", "timesheet"])


def event(
    body: int, routing_key: str = "project.activated", exchange: str = EVENTS, message_id: str | None = None
) -> Outgoing:
    headers = {"cloudEvents:id": str(body)}
    return Outgoing(exchange, routing_key, str(body).encode(), "application/json", headers, message_id or f"m{body}")


async def publish(stand: Stand, bodies: Iterable[int]) -> None:
    """Publish project events; all must be confirmed."""
    publishing = stand.publishing()
    answers = await publishing.publish([event(body) for body in bodies])
    assert set(answers) == {Published.CONFIRMED}
    await publishing.close()


async def consume(stand: Stand, taken: Taken, *queues: str, prefetch: int = 50) -> tuple[Consuming, Subscription]:
    consuming = stand.consuming()
    subscription = await consuming.subscribe(queues or (PROJECTS,), prefetch=prefetch, on_delivery=taken)
    await until(lambda: subscription.is_active)
    return consuming, subscription


async def until_depth(stand: Stand, depth: int, queue: str = PROJECTS) -> None:
    async def holds() -> bool:
        return await stand.administration.depth(queue) == depth

    await until(holds)


async def until_published(publishing: Publishing, message: Outgoing) -> None:
    """As the relay does: again until it is confirmed."""

    async def confirmed() -> bool:
        try:
            return await publishing.publish([message]) == [Published.CONFIRMED]
        except BrokerUnavailable:
            return False

    await until(confirmed)


async def until_unavailable(publishing: Publishing, message: Outgoing) -> None:
    async def refused() -> bool:
        try:
            await publishing.publish([message])
        except BrokerUnavailable:
            return True
        return False

    await until(refused)


async def keep(stand: Stand, *bodies: int) -> None:
    """Publish watermarks; all must be confirmed."""
    publishing = stand.publishing()
    answers = await publishing.publish([event(body, "", WATERMARK) for body in bodies])
    assert set(answers) == {Published.CONFIRMED}
    await publishing.close()


async def bodies(keepsakes: Keepsakes) -> list[bytes]:
    """Take what is there."""
    return [each.body for each in await keepsakes.take(WATERMARK)]


async def until_taken(stand: Stand, count: int) -> list[bytes]:
    """Take as often as it needs: what a lost connection held comes back a moment later."""
    keepsakes, taken = stand.keepsakes(), list[bytes]()

    async def is_there() -> bool:
        taken.extend(await bodies(keepsakes))
        return len(taken) >= count

    await until(is_there)
    return taken


class Contract:
    """What both brokers do. A subclass has the fixture `stand`, with the topology applied."""

    # Publishing

    async def test_what_is_confirmed_is_in_the_queue(self, stand: Stand) -> None:
        await publish(stand, [1, 2, 3])
        assert await stand.administration.depth(PROJECTS) == 3

    async def test_a_delivery_carries_what_was_published_and_the_user_that_the_broker_proved(
        self, stand: Stand
    ) -> None:
        await publish(stand, [7])
        await consume(stand, taken := Taken())
        await until(lambda: taken.bodies == [7])
        delivery = taken.deliveries[0]
        assert (delivery.queue, delivery.routing_key, delivery.user_id) == (PROJECTS, "project.activated", stand.user)
        assert delivery.content_type == "application/json"
        assert delivery.headers == {"cloudEvents:id": "7"}
        assert delivery.is_live

    async def test_a_delivery_tells_how_often_it_was_taken_back_and_its_headers_stay_the_senders(
        self, stand: Stand
    ) -> None:
        await publish(stand, [7])
        for count in range(3):
            consuming, _ = await consume(stand, taken := Taken())
            await until(lambda taken=taken: taken.bodies == [7])  # type: ignore[misc]
            assert taken.deliveries[0].delivery_count == count
            assert taken.deliveries[0].headers == {"cloudEvents:id": "7"}
            await consuming.close()

    async def test_a_delivery_count_that_the_sender_wrote_is_not_believed(self, stand: Stand) -> None:
        headers: dict[str, Any] = {"cloudEvents:id": "7", "x-delivery-count": 9}
        assert await stand.publishing().publish([replace(event(7), headers=headers)]) == [Published.CONFIRMED]
        for count in range(2):
            consuming, _ = await consume(stand, taken := Taken())
            await until(lambda taken=taken: taken.bodies == [7])  # type: ignore[misc]
            assert taken.deliveries[0].delivery_count == count
            assert taken.deliveries[0].headers == {"cloudEvents:id": "7"}
            await consuming.close()

    async def test_an_event_that_no_queue_is_bound_for_goes_to_the_unrouted(self, stand: Stand) -> None:
        publishing = stand.publishing()
        assert await publishing.publish([event(1, "projekt.activated")]) == [Published.CONFIRMED]
        await consume(stand, taken := Taken(), UNROUTED)
        await until(lambda: taken.of(UNROUTED) == [1])
        assert taken.deliveries[0].routing_key == "projekt.activated"

    async def test_answers_stand_in_the_order_of_the_batch(self, stand: Stand) -> None:
        batch = [event(1), event(2, "case.opened", NOTICES), event(3)]
        answers = await stand.publishing().publish(batch)
        assert answers == [Published.CONFIRMED, Published.UNROUTABLE, Published.CONFIRMED]

    async def test_of_two_messages_with_one_id_the_returned_one_is_told(self, stand: Stand) -> None:
        batch = [event(1, "case.opened", NOTICES, message_id="same"), event(2, message_id="same")]
        assert await stand.publishing().publish(batch) == [Published.UNROUTABLE, Published.CONFIRMED]

    async def test_an_exchange_that_is_not_there_refuses(self, stand: Stand) -> None:
        publishing = stand.publishing()
        assert await publishing.publish([event(1, exchange="nowhere")]) == [Published.REFUSED]
        assert await publishing.publish([event(2)]) == [Published.CONFIRMED]

    async def test_an_empty_batch_has_no_answers(self, stand: Stand) -> None:
        assert await stand.publishing().publish([]) == []

    async def test_an_alarm_only_delays_publishing(self, stand: Stand) -> None:
        publishing = stand.publishing()
        await until_published(publishing, event(1))
        stand.block()
        await until_unavailable(publishing, event(2))
        stand.unblock()
        await until_published(publishing, event(3))

    async def test_publishing_comes_back_after_a_lost_connection(self, stand: Stand) -> None:
        publishing = stand.publishing()
        await until_published(publishing, event(1))
        assert publishing.is_connected
        stand.cut()
        await until_published(publishing, event(2))
        assert publishing.is_connected

    # Order and acks

    async def test_each_queue_keeps_the_order_of_publishing(self, stand: Stand) -> None:
        batch = [event(n, "project.activated" if n % 2 else "timesheet.approved") for n in range(200)]
        await stand.publishing().publish(batch)
        await consume(stand, taken := Taken(), PROJECTS, SHEETS, prefetch=200)
        await until(lambda: len(taken.bodies) == 200)
        assert taken.of(PROJECTS) == list(range(1, 200, 2))
        assert taken.of(SHEETS) == list(range(0, 200, 2))

    async def test_what_is_unacked_counts_with_its_headers(self, stand: Stand) -> None:
        large = replace(event(7), headers={f"h{n}": "x" * 1000 for n in range(50)})
        assert await stand.publishing().publish([large]) == [Published.CONFIRMED]
        consuming, _ = await consume(stand, taken := Taken())
        await until(lambda: taken.bodies == [7])
        assert 50_000 < consuming.held_bytes < 70_000
        taken.ack(7)
        await until(lambda: consuming.held_bytes == 0)

    async def test_no_more_than_prefetch_is_unacked(self, stand: Stand) -> None:
        await publish(stand, range(10))
        await consume(stand, taken := Taken(), prefetch=3)
        await until(lambda: taken.bodies == [0, 1, 2])
        assert await stand.administration.depth(PROJECTS) == 7
        taken.ack(0)
        await until(lambda: taken.bodies == [0, 1, 2, 3])
        assert await stand.administration.depth(PROJECTS) == 6

    async def test_what_is_unacked_at_closing_comes_again_in_order_and_what_is_acked_does_not(
        self, stand: Stand
    ) -> None:
        await publish(stand, range(10))
        consuming, _ = await consume(stand, first := Taken())
        await until(lambda: len(first.bodies) == 10)
        first.ack(0, 1, 2, 4, 7, 9)
        await consuming.close()
        assert not any(delivery.is_live for delivery in first.deliveries)
        await consume(stand, second := Taken())
        await until(lambda: second.bodies == [3, 5, 6, 8])

    async def test_acks_in_any_order_empty_the_queue(self, stand: Stand) -> None:
        await publish(stand, range(300))
        consuming, _ = await consume(stand, taken := Taken(), prefetch=20)
        rng, done = random.Random(1), set[int]()
        while len(done) < 300:
            await until(lambda: len(set(taken.bodies) - done) > 0)
            body = rng.choice(sorted(set(taken.bodies) - done))
            taken.ack(body)
            done.add(body)
        assert taken.bodies == list(range(300))
        await consuming.close()
        _, subscription = await consume(stand, again := Taken())
        await publish(stand, [300])
        await until(lambda: again.bodies == [300])
        await until(lambda: subscription.is_active)

    async def test_an_ack_twice_is_one_ack(self, stand: Stand) -> None:
        await publish(stand, range(4))
        consuming, subscription = await consume(stand, taken := Taken(), prefetch=2)
        await until(lambda: taken.bodies == [0, 1])
        taken.ack(0, 0, 1)
        await until(lambda: taken.bodies == [0, 1, 2, 3])
        taken.ack(0, 1, 2)
        await consuming.close()
        await consume(stand, again := Taken())
        await until(lambda: again.bodies == [3])
        assert not subscription.is_active

    # Losses

    async def test_after_a_lost_connection_the_unacked_come_again_in_order(self, stand: Stand) -> None:
        await publish(stand, range(5))
        _, subscription = await consume(stand, taken := Taken())
        await until(lambda: len(taken.bodies) == 5)
        stand.cut()
        await until(lambda: not taken.deliveries[0].is_live)
        old = taken.forget()
        await until(lambda: taken.bodies == [0, 1, 2, 3, 4])
        assert not any(delivery.is_live for delivery in old)
        await until(lambda: subscription.is_active)

    async def test_acks_of_a_dead_channel_are_dropped(self, stand: Stand) -> None:
        await publish(stand, range(5))
        consuming, subscription = await consume(stand, taken := Taken())
        await until(lambda: len(taken.bodies) == 5)
        stand.cut()
        await until(lambda: not taken.deliveries[0].is_live)
        old = taken.forget()
        await until(lambda: len(taken.bodies) == 5)
        for delivery in old:
            delivery.ack()
        taken.ack(0, 1)
        await publish(stand, [5])
        await until(lambda: taken.bodies == [0, 1, 2, 3, 4, 5])
        await until(lambda: subscription.is_active)
        await consuming.close()
        await consume(stand, again := Taken())
        await until(lambda: again.bodies == [2, 3, 4, 5])

    async def test_a_deleted_queue_is_consumed_again_once_it_is_back(self, stand: Stand) -> None:
        await publish(stand, [1])
        _, subscription = await consume(stand, taken := Taken())
        await until(lambda: taken.bodies == [1])
        await stand.delete_queue(PROJECTS)
        await until(lambda: not subscription.is_active)
        assert not taken.deliveries[0].is_live
        await stand.administration.apply(TOPOLOGY)
        await until(lambda: subscription.is_active)
        await publish(stand, [2])
        await until(lambda: taken.bodies == [1, 2])

    async def test_consuming_may_begin_before_there_is_a_queue(self, stand: Stand) -> None:
        await stand.delete_queue(PROJECTS)
        subscription = await stand.consuming().subscribe([PROJECTS], prefetch=5, on_delivery=(taken := Taken()))
        await stand.administration.apply(TOPOLOGY)
        await publish(stand, [1])
        await until(lambda: taken.bodies == [1])
        await until(lambda: subscription.is_active)

    async def test_if_taking_a_delivery_raises_nothing_is_acked_and_all_comes_again(self, stand: Stand) -> None:
        await publish(stand, range(5))
        seen: list[Delivery] = []

        def take(delivery: Delivery) -> None:
            seen.append(delivery)
            delivery.ack()
            if len(seen) == 3:
                raise ZeroDivisionError

        subscription = await stand.consuming().subscribe([PROJECTS], prefetch=1, on_delivery=take)
        await until(lambda: [int(delivery.body) for delivery in seen] == [0, 1, 2, 2, 3, 4])
        assert stand.failures == [PROJECTS]
        assert not seen[2].is_live
        await until(lambda: subscription.is_active)

    # One consumer at a time

    async def test_a_stand_by_gets_nothing_until_the_first_is_closed_then_the_unacked_first(self, stand: Stand) -> None:
        await publish(stand, range(6))
        first_consuming, _ = await consume(stand, first := Taken(), prefetch=3)
        await consume(stand, second := Taken(), prefetch=3)
        await until(lambda: first.bodies == [0, 1, 2])
        await until_depth(stand, 3)
        first.ack(0)
        await until(lambda: first.bodies == [0, 1, 2, 3])
        await until_depth(stand, 2)
        assert second.bodies == []
        first.ack(2)
        await first_consuming.close()
        await until(lambda: second.bodies == [1, 3, 4])
        second.ack(1, 3, 4)
        await until(lambda: second.bodies == [1, 3, 4, 5])

    # Pause

    async def test_a_pause_hands_over_nothing_and_takes_acks(self, stand: Stand) -> None:
        await publish(stand, [1])
        consuming, subscription = await consume(stand, taken := Taken())
        await until(lambda: taken.bodies == [1])
        await subscription.pause()
        await publish(stand, [2, 3])
        await until_depth(stand, 0)
        taken.ack(1)
        assert taken.bodies == [1]
        await subscription.resume()
        assert taken.bodies == [1, 2, 3]
        taken.ack(2)
        await consuming.close()
        await consume(stand, again := Taken())
        await until(lambda: again.bodies == [3])

    async def test_what_arrived_in_a_pause_and_was_lost_with_its_channel_is_handed_over_once(
        self, stand: Stand
    ) -> None:
        _, subscription = await consume(stand, taken := Taken())
        await subscription.pause()
        await publish(stand, [1, 2])
        await until_depth(stand, 0)
        stand.cut()
        await until(lambda: not subscription.is_active)
        await until(lambda: subscription.is_active)
        await until_depth(stand, 0)
        await publish(stand, [3])
        await subscription.resume()
        await until(lambda: taken.bodies == [1, 2, 3])

    async def test_closing_in_a_pause_gives_back_what_was_not_handed_over(self, stand: Stand) -> None:
        consuming, subscription = await consume(stand, taken := Taken())
        await subscription.pause()
        await publish(stand, [1, 2])
        await until_depth(stand, 0)
        await consuming.close()
        await until_depth(stand, 2)
        assert taken.bodies == []

    # Keepsakes

    async def test_what_is_taken_is_hidden_until_it_is_given_back(self, stand: Stand) -> None:
        await keep(stand, 1, 2)
        first, second = stand.keepsakes(), stand.keepsakes()
        assert await bodies(first) == [b"1", b"2"]
        assert await bodies(second) == []
        await keep(stand, 3)
        assert await bodies(second) == [b"3"]
        await second.close()
        await first.close()
        assert sorted(await until_taken(stand, 3)) == [b"1", b"2", b"3"]

    async def test_a_keepsake_names_the_user_that_the_broker_proved(self, stand: Stand) -> None:
        await keep(stand, 1)
        keepsakes = stand.keepsakes()
        assert await keepsakes.take(WATERMARK) == [Keepsake(b"1", stand.user)]
        assert keepsakes.user == stand.user

    async def test_what_is_dropped_is_gone(self, stand: Stand) -> None:
        await keep(stand, 1, 2)
        keepsakes = stand.keepsakes()
        await keepsakes.take(WATERMARK)
        await keep(stand, 3)
        await keepsakes.drop()
        await keepsakes.close()
        assert await bodies(keepsakes) == [b"3"]

    async def test_only_the_newest_are_kept(self, stand: Stand) -> None:
        await keep(stand, *range(20))
        assert await bodies(stand.keepsakes()) == [b"%d" % number for number in range(12, 20)]

    async def test_nothing_is_kept_in_a_queue_that_is_not_there(self, stand: Stand) -> None:
        with pytest.raises(BrokerUnavailable, match="nowhere"):
            await stand.keepsakes().take("nowhere")

    # Administration

    async def test_applying_again_changes_nothing(self, stand: Stand) -> None:
        await publish(stand, [1])
        await stand.administration.apply(TOPOLOGY)
        assert await stand.administration.depth(PROJECTS) == 1
        assert await stand.administration.missing(TOPOLOGY) == []

    async def test_what_is_missing_is_named(self, stand: Stand) -> None:
        wanted = topology(["project", "invoice"])
        assert await stand.administration.missing(wanted) == ["queue tallystick.invoice"]
        with pytest.raises(LookupError, match="invoice"):
            await stand.administration.depth("tallystick.invoice")

    async def test_other_arguments_are_told_apart(self, stand: Stand) -> None:
        queue = consumed(PROJECTS, EVENTS, "project.#")
        arguments = {**queue.arguments, "x-delivery-limit": 20}
        other = type(TOPOLOGY)(exchanges=(), queues=(type(queue)(PROJECTS, EVENTS, queue.routing_keys, arguments),))
        with pytest.raises(TopologyDiffers, match=r"tallystick\.project.*x-delivery-limit.*delete"):
            await stand.administration.apply(other)

    async def test_no_prefetch_is_no_bound_and_refused(self, stand: Stand) -> None:
        with pytest.raises(ValueError, match="prefetch"):
            await stand.consuming().subscribe([PROJECTS], prefetch=0, on_delivery=Taken())


class TestMemory(Contract):
    @pytest.fixture
    async def stand(self) -> AsyncIterator[MemoryStand]:
        stand = MemoryStand()
        await stand.administration.apply(TOPOLOGY)
        yield stand
        await stand.close()


class TestRabbitMQ(Contract):
    @pytest.fixture
    async def stand(self, amqp_url: str) -> AsyncIterator[RabbitStand]:
        async with wire_to(amqp_url) as wire:
            stand = RabbitStand(amqp_url, wire)
            await stand.administration.apply(TOPOLOGY)
            yield stand
            await stand.close()
