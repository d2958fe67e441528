"""Behind the door: deliveries in order of arrival to their keys, and what cannot be read to the dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from adapters.memory.dead_letters import MemoryDeadLetters
from adapters.memory.suspects import MemorySuspects
from adapters.memory.tables import Tables
from adapters.ports.broker import Delivery
from adapters.ports.letters import DeadLetter
from adapters.ports.turns import StoreUnavailable
from gateway.activation import Entry
from gateway.backoff import Backoff
from gateway.burial import MOST, Burial
from gateway.bus import Bus
from gateway.consumer import SLICE, SLICE_SECONDS, Consumer
from gateway.door import Door
from gateway.letters import HEADER_CHARACTERS, HEADERS, LetterDelivery
from gateway.source_policy import Source
from gateway.suspicion import Suspicion
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.gateway.deliveries import USER, Parcel, parcel
from tests.gateway.toy import NOW, WRONG, Ids
from tests.runtime.virtual import VirtualLoop, rest, run
from tests.schemas.messages import binary, example

SOURCES = {"urn:psa": Source(users=(USER,), types=("timesheet.*",))}


class Graves(MemoryDeadLetters):
    """Dead letters in memory; `outages` calls fail first."""

    def __init__(self, outages: int = 0) -> None:
        self.tables = Tables()
        super().__init__(self.tables, lambda: 0.0)
        self.outages = outages

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        await asyncio.sleep(0.01)
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("away")
        await super().bury(letters)

    @property
    def buried(self) -> list[DeadLetter]:
        return [row.letter for row in self.tables.dead_letters.values()]


class Mailboxes(Bus):
    """A bus that only remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered: list[tuple[ActorKey, Entry]] = []

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        self.delivered.append((key, entry))


class Broken(Door):
    """A door with a bug."""

    def admit(self, delivery: Delivery) -> tuple[ActorKey, Entry]:
        raise ZeroDivisionError


@dataclass
class Intake:
    """Consumer and burial at work."""

    graves: Graves = field(default_factory=Graves)
    mailboxes: Mailboxes = field(default_factory=Mailboxes)
    observed: list[Failure | None] = field(default_factory=list)
    door: Door = field(default_factory=lambda: Door(lambda: SOURCES, Ids()))

    def __post_init__(self) -> None:
        self.burial = Burial(self.graves, Backoff(chance=Random(1)))
        suspicion = Suspicion(
            MemorySuspects(self.graves.tables, lambda: 0.0), self.mailboxes, self.burial, Backoff(chance=Random(1)),
            lambda *_: None,
        )  # fmt: skip
        self.consumer = Consumer(
            self.door,
            self.mailboxes,
            self.burial,
            suspicion,
            self.observe,
        )

    def observe(self, _: Delivery, came: Entry | Failure) -> None:
        self.observed.append(came if isinstance(came, Failure) else None)

    def run(self, story: Callable[[Intake], Coroutine[Any, Any, None]]) -> Intake:
        """Tell a story while both run."""

        async def told() -> None:
            tasks = [asyncio.create_task(self.consumer.run()), asyncio.create_task(self.burial.run())]
            await story(self)
            assert not any(task.done() for task in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        run(told())
        return self


def deliver(*deliveries: Parcel) -> Callable[[Intake], Coroutine[Any, Any, None]]:
    """The story of some deliveries."""

    async def story(intake: Intake) -> None:
        for delivery in deliveries:
            intake.consumer.on_delivery(delivery)
        await intake.consumer.quiet()
        await intake.burial.quiet()

    return story


def test_deliveries_reach_their_keys_in_order_of_arrival() -> None:
    ids = [f"m{n}" for n in range(3 * SLICE)]
    intake = Intake().run(deliver(*(parcel(id=id) for id in ids)))
    assert [entry.message.id for _, entry in intake.mailboxes.delivered] == ids
    assert intake.observed == [None] * len(ids)


def test_a_bad_message_is_buried_with_its_bytes_and_only_then_acked() -> None:
    bad = replace(parcel(), body=b'{"no":')
    good = parcel()

    async def story(intake: Intake) -> None:
        intake.consumer.on_delivery(bad)
        intake.consumer.on_delivery(good)
        await intake.consumer.quiet()
        assert (bad.acks, len(intake.mailboxes.delivered)) == (0, 1), "it holds up nobody"
        await intake.burial.quiet()
        assert (bad.acks, good.acks) == (1, 0)

    intake = Intake(Graves(outages=3)).run(story)
    (letter,) = intake.graves.buried
    assert (letter.body, letter.queue, letter.failure_class) == (bad.body, bad.queue, FailureClass.SCHEMA)
    assert [failure and failure.failure_class for failure in intake.observed] == [FailureClass.SCHEMA, None]


def test_our_own_bug_at_the_door_neither_stops_the_consumer_nor_loses_the_message() -> None:
    delivery = parcel()
    intake = Intake(door=Broken(lambda: SOURCES, Ids())).run(deliver(delivery, replace(parcel(), body=b"{}")))
    assert [(letter.failure_class, letter.code) for letter in intake.graves.buried] == [
        (FailureClass.INTERNAL, "door_failed")
    ] * 2
    assert delivery.acks == 1


class Slow(Door):
    """Each message takes its time, and all others wait meanwhile."""

    def __init__(self) -> None:
        super().__init__(lambda: SOURCES, Ids())

    def admit(self, delivery: Delivery) -> tuple[ActorKey, Entry]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.pass_by(0.6 * SLICE_SECONDS)
        return super().admit(delivery)


def test_messages_that_take_long_do_not_keep_the_loop_from_others() -> None:
    admitted: list[int] = []

    async def story(intake: Intake) -> None:
        for n in range(20):
            intake.consumer.on_delivery(parcel(id=f"m{n}"))
        while len(intake.mailboxes.delivered) < 20:
            await asyncio.sleep(0)
            admitted.append(len(intake.mailboxes.delivered))

    Intake(door=Slow()).run(story)
    assert admitted[-1] == 20
    assert max(after - before for before, after in pairwise([0, *admitted])) <= 2


def test_what_its_channel_has_lost_is_left_to_the_redelivery() -> None:
    delivery = replace(parcel(), is_live=False)
    intake = Intake().run(deliver(delivery))
    assert (intake.mailboxes.delivered, intake.observed, delivery.acks) == ([], [], 0)


def test_the_consumer_is_not_quiet_while_something_has_arrived() -> None:
    async def story(intake: Intake) -> None:
        await rest()
        await intake.consumer.quiet()
        intake.consumer.on_delivery(parcel())
        await intake.consumer.quiet()
        assert len(intake.mailboxes.delivered) == 1

    Intake().run(story)


def test_dead_letters_are_stored_many_at_once() -> None:
    deliveries = [replace(parcel(), body=b"%d" % n) for n in range(2 * MOST)]
    intake = Intake().run(deliver(*deliveries))
    assert len(intake.graves.buried) == 2 * MOST
    assert all(delivery.acks == 1 for delivery in deliveries)


# -------------------------------------------------------------------------------------------------------------- letters


def letters(*deliveries: Parcel) -> list[DeadLetter]:
    """What is buried of some deliveries."""

    async def story(intake: Intake) -> None:
        for delivery in deliveries:
            intake.burial.bury(delivery, WRONG)
        await intake.burial.quiet()

    return Intake().run(story).graves.buried


def test_a_redelivery_is_the_same_letter() -> None:
    assert len(letters(parcel(), replace(parcel(), delivery_count=1))) == 1


def test_whatever_differs_makes_another_letter() -> None:
    base = parcel()
    differing = letters(
        base,
        replace(base, body=base.body + b" "),
        replace(base, queue="tallystick.project"),
        replace(base, routing_key="timesheet.aproved"),
        replace(base, content_type=None),
        replace(base, user_id=None),
        replace(base, headers={"x": "1"}),
        replace(base, headers={"x": "2"}),
    )
    assert len({letter.digest for letter in differing}) == 8


def test_the_order_of_headers_makes_no_difference() -> None:
    found = letters(*(replace(parcel(), headers=dict(pairs)) for pairs in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)])))
    assert len(found) == 1


def test_headers_that_are_an_attack_are_cut() -> None:
    nested: dict[str, object] = {"a": {"b": ["c" * 10_000]}, "n" * 10_000: "v" * 10_000}
    many = {f"h{n}": n for n in range(1000)}
    for letter in letters(replace(parcel(), headers=nested), replace(parcel(), headers=many)):
        assert len(letter.headers) <= HEADERS
        assert all(len(name) <= HEADER_CHARACTERS for name in letter.headers)
        assert all(len(str(value)) <= HEADER_CHARACTERS for value in letter.headers.values())


@pytest.mark.parametrize(
    "headers",
    [
        {f"h{n}": n for n in range(HEADERS + 1)},
        {"ce-id": "x" * (HEADER_CHARACTERS + 1)},
        {"ce-id": b"\xff"},
        {"ce-id": "a\x00b"},
        {"ce-id": b"a\x00b"},
        {"cloudEvents:id": {"a": 1}},
        {"ce-\ud800": "a"},
    ],
    ids=["too many", "too long", "no text", "a null", "null bytes", "a table", "a strange name"],
)
def test_headers_from_which_the_same_event_could_not_be_read_are_told(headers: Mapping[str, object]) -> None:
    (letter,) = letters(replace(parcel(), headers=headers))
    assert letter.is_cut


def test_headers_that_the_door_does_not_read_may_be_anything() -> None:
    headers = {"x-death": [{"queue": "q"}], "note": "x" * 10_000, "raw": b"\xff", "price": 1.5}
    (letter,) = letters(replace(parcel(), headers=headers))
    assert not letter.is_cut


def test_headers_are_kept_as_the_door_reads_them() -> None:
    event = example("timesheet.approved.v1") | {"source": "urn:psa"}
    body, texts = binary(event, "ce-")
    headers = {**texts, "ce-id": str(event["id"]).encode(), "ce-sequence": 7, "ce-time": NOW}
    delivery = replace(parcel(), body=body, headers=headers, content_type="application/json")
    (letter,) = letters(delivery)
    again = LetterDelivery(letter, lambda: None)
    door = Door(lambda: SOURCES, Ids())
    assert door.admit(again)[1].envelope == door.admit(delivery)[1].envelope
    assert not letter.is_cut


def test_text_that_is_no_unicode_can_be_buried() -> None:
    (letter,) = letters(replace(parcel(), routing_key="\udc80", headers={"\udc80": b"\x00"}))
    assert len(letter.digest) == 32
    assert letter.is_cut
