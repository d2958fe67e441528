"""The names that other programs rely on, and the arguments without which messages get lost or out of order."""

from __future__ import annotations

from adapters.rabbitmq.topology import DEAD, EVENTS, NOTICES, UNROUTED, WATERMARK, topology


def test_exchanges() -> None:
    exchanges = {exchange.name: (exchange.kind, exchange.arguments) for exchange in topology(["project"]).exchanges}
    assert exchanges == {
        EVENTS: ("topic", {"alternate-exchange": UNROUTED}),
        NOTICES: ("topic", {}),
        UNROUTED: ("fanout", {}),
        DEAD: ("fanout", {}),
        WATERMARK: ("fanout", {}),
    }


def test_one_queue_per_entity_beside_those_for_strays() -> None:
    queues = {queue.name: (queue.exchange, queue.routing_keys) for queue in topology(["project", "timesheet"]).queues}
    assert queues == {
        "tallystick.project": (EVENTS, ("project.#",)),
        "tallystick.timesheet": (EVENTS, ("timesheet.#",)),
        UNROUTED: (UNROUTED, ("",)),
        DEAD: (DEAD, ("",)),
        WATERMARK: (WATERMARK, ("",)),
    }


def test_every_queue_is_replicated_with_an_explicit_high_delivery_limit() -> None:
    for queue in topology(["project"]).queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-delivery-limit"] == 1_000_000


def test_every_consumed_queue_has_one_consumer_at_a_time_and_loses_nothing_on_its_way_to_the_dead_letters() -> None:
    for queue in topology(["project"]).queues:
        if queue.name not in {DEAD, WATERMARK}:
            assert queue.arguments["x-single-active-consumer"] is True
            assert queue.arguments["x-dead-letter-exchange"] == DEAD
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert queue.arguments["x-overflow"] == "reject-publish"
