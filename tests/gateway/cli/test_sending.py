"""Sending batches: what is confirmed, unroutable, refused; against a broker of lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
import pytest

from adapters.ports.broker import BrokerUnavailable, Outgoing, Published
from gateway.backoff import Backoff
from gateway.cli.events_file import CAP, Line
from gateway.cli.sending import ATTEMPTS, BATCH_BYTES, Ready, Sender, Tally, batches, ready
from gateway.exits import Exit, Failed

Answer = Callable[[int, Outgoing], Published]


class ListBroker:
    """Keeps what it confirms. `answer` decides by the number of the call and the message."""

    def __init__(self, answer: Answer) -> None:
        self.taken: list[str] = []
        self.calls = 0
        self._answer = answer

    @property
    def is_connected(self) -> bool:
        return True

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        self.calls += 1
        answers = [self._answer(self.calls, message) for message in messages]
        pairs = zip(messages, answers, strict=True)
        self.taken += [message.message_id for message, answer in pairs if answer is Published.CONFIRMED]
        return answers

    async def close(self) -> None:
        """Nothing to close."""


def line(number: int, **event: object) -> Line:
    return Line("day.jsonl", number, orjson.dumps({"type": "project.activated.v1", "id": str(number), **event}))


def batch(count: int) -> list[Ready]:
    return [ready(line(number)) for number in range(1, count + 1)]


async def nothing(_seconds: float) -> None:
    """Waits for no time."""


def sender(answer: Answer) -> tuple[Sender, Tally, ListBroker]:
    broker, tally = ListBroker(answer), Tally()
    return Sender(broker, tally, lambda: "said so", Backoff(sleep=nothing)), tally, broker


async def test_everything_is_confirmed_at_once() -> None:
    sending, tally, broker = sender(lambda _call, _message: Published.CONFIRMED)
    await sending.send(batch(3))
    assert (tally.published, tally.sent_again, broker.calls) == (3, 0, 1)


async def test_unroutable_is_counted_and_not_sent_again() -> None:
    sending, tally, broker = sender(
        lambda _call, message: Published.UNROUTABLE if message.message_id == "2" else Published.CONFIRMED
    )
    await sending.send(batch(3))
    assert (tally.published, tally.unroutable, broker.calls) == (2, 1, 1)
    assert str(tally.first_unroutable) == "day.jsonl:2"


async def test_what_is_refused_is_sent_again_in_order() -> None:
    sending, tally, broker = sender(
        lambda call, message: Published.REFUSED if call == 1 and message.message_id != "1" else Published.CONFIRMED
    )
    await sending.send(batch(3))
    assert broker.taken == ["1", "2", "3"]
    assert (tally.published, tally.sent_again) == (3, 2)


async def test_a_broker_that_was_away_comes_back() -> None:
    def answer(call: int, _message: Outgoing) -> Published:
        if call < ATTEMPTS:
            raise BrokerUnavailable("away")
        return Published.CONFIRMED

    sending, tally, broker = sender(answer)
    await sending.send(batch(2))
    assert (tally.published, broker.calls) == (2, ATTEMPTS)


@pytest.mark.parametrize(("is_away", "code"), [(True, Exit.UNREACHABLE), (False, Exit.FAILED)])
async def test_tries_have_an_end(is_away: bool, code: Exit) -> None:  # noqa: FBT001  # a parameter of the test
    def answer(_call: int, message: Outgoing) -> Published:
        if is_away:
            raise BrokerUnavailable("away")
        return Published.CONFIRMED if message.message_id == "1" else Published.REFUSED

    sending, _, broker = sender(answer)
    with pytest.raises(Failed, match=r"day.jsonl:[12]: .* in 6 attempts \(said so\)") as failed:
        await sending.send(batch(3))
    assert failed.value.code is code
    assert broker.calls == ATTEMPTS


def test_the_message_of_a_line() -> None:
    made = ready(line(7, type="timesheet.approved.v12", id="T-7"))
    message = made.message
    assert (message.exchange, message.routing_key) == ("tallystick.events", "timesheet.approved")
    assert (message.content_type, message.message_id) == ("application/cloudevents+json", "T-7")
    assert message.body == made.line.body
    # Without a version the type itself is the routing key; the gateway then says what is wrong with it
    assert ready(line(1, type="x.v")).message.routing_key == "x.v"


@pytest.mark.parametrize("id_", [None, 7, "", "ü" * 200])
def test_an_id_that_does_not_fit_becomes_a_digest(id_: object) -> None:
    assert len(ready(line(1, id=id_)).message.message_id) == 64


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"oops", "day.jsonl:3: not JSON"),
        (b"[1]", "day.jsonl:3: not a JSON object"),
        (b"{}", "day.jsonl:3: `type` is missing"),
        (b'{"type": 7}', "day.jsonl:3: `type` is missing"),
        (b'{"type": ""}', "day.jsonl:3: `type` is missing"),
        (b'{"type": "%s"}' % (b"x" * 256), "day.jsonl:3: `type` is missing"),
        (b" " * (CAP + 1), "day.jsonl:3: an event may have"),
    ],
)
def test_a_bad_line_is_named(body: bytes, told: str) -> None:
    with pytest.raises(Failed) as failed:
        ready(Line("day.jsonl", 3, body))
    assert str(failed.value).startswith(told)


def test_lines_become_batches_and_a_bad_one_ends_them() -> None:
    lines = [line(number) for number in range(1, 6)]
    assert [[each.line.number for each in group] for group in batches(lines, 2)] == [[1, 2], [3, 4], [5]]
    found: list[int] = []
    with pytest.raises(Failed, match=r"day\.jsonl:9"):
        found.extend(len(group) for group in batches([*lines[:3], Line("day.jsonl", 9, b"oops"), lines[4]], 2))
    assert found == [2, 1]


def test_a_batch_is_bounded_in_bytes() -> None:
    big = "x" * (CAP - 100)
    sizes = [len(group) for group in batches([line(number, pad=big) for number in range(10)], 500)]
    assert max(sizes) * CAP <= BATCH_BYTES + CAP
    assert sum(sizes) == 10
