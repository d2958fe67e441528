"""What the broker answers to published messages, and the frames that they are sent in, beside what pamqp writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pamqp.frame
import pytest
from aiormq import spec
from hypothesis import given
from hypothesis import strategies as st
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.confirms import Confirms
from adapters.rabbitmq.framing import framed, short_text
from adapters.rabbitmq.sieve import Sieve

CHANNEL = 3
SHORT = st.text(max_size=40)


def confirms(*ids: str) -> tuple[Confirms, Sieve]:
    found, sieve = Confirms(), Sieve()
    sieve.confirm(CHANNEL, found)
    found.begin()
    found.sent(ids)
    return found, sieve


def tell(sieve: Sieve, *frames: Frame | ContentHeader | ContentBody) -> bytes:
    return sieve.sift(b"".join(pamqp.frame.marshal(frame, CHANNEL) for frame in frames))


def returned(message_id: str, body: Iterable[bytes] = (b"body",)) -> list[Frame | ContentHeader | ContentBody]:
    parts = list(body)
    properties = spec.Basic.Properties(
        content_type="x/y", headers={"a": "b"}, delivery_mode=2, priority=1, correlation_id="c", message_id=message_id,
        user_id="guest",
    )  # fmt: skip
    return [
        spec.Basic.Return(312, "NO_ROUTE", "events", "key"),
        ContentHeader(0, sum(map(len, parts)), properties),
        *map(ContentBody, parts),
    ]


def answers(found: Confirms, ids: str) -> str:
    short = {Published.CONFIRMED: "c", Published.UNROUTABLE: "u", Published.REFUSED: "r"}
    return "".join(short[found.of(each)] for each in ids)


def test_one_confirm_may_be_for_all_before_it() -> None:
    found, sieve = confirms(*"abcd")
    assert tell(sieve, spec.Basic.Ack(2), spec.Basic.Ack(3, multiple=True)) == b""
    assert answers(found, "abcd") == "cccr"


def test_a_refusal_may_be_for_all_that_have_no_answer_yet() -> None:
    found, sieve = confirms(*"abcd")
    tell(sieve, spec.Basic.Ack(1), spec.Basic.Nack(3, multiple=True), spec.Basic.Ack(4))
    assert answers(found, "abcd") == "crrc"


@pytest.mark.parametrize("body", [[], [b"body"], [b"in", b"two"]], ids=repr)
def test_a_message_that_comes_back_was_not_routed_though_it_is_confirmed(body: list[bytes]) -> None:
    found, sieve = confirms(*"abc")
    assert tell(sieve, *returned("b", body), spec.Basic.Ack(3, multiple=True)) == b""
    assert answers(found, "abc") == "cuc"


def test_what_comes_late_says_nothing_of_the_next_run() -> None:
    found, sieve = confirms(*"ab")
    found.begin()
    found.sent("cd")
    tell(sieve, spec.Basic.Ack(2, multiple=True), spec.Basic.Nack(3))
    assert answers(found, "abcd") == "rrrr"
    tell(sieve, spec.Basic.Ack(4))
    assert answers(found, "cd") == "rc"


def test_a_message_that_comes_back_late_says_nothing_of_the_next_one_with_its_id() -> None:
    found, sieve = confirms("a")
    found.begin()
    found.sent(["a"])
    tell(sieve, *returned("a"), spec.Basic.Ack(1), spec.Basic.Ack(2))
    assert answers(found, "a") == "c"
    found.begin()
    found.sent(["a"])
    tell(sieve, *returned("a"), spec.Basic.Ack(3))
    assert answers(found, "a") == "u"


async def test_it_is_settled_with_the_last_answer() -> None:
    found, sieve = confirms(*"ab")
    settled = found.settled()
    tell(sieve, spec.Basic.Ack(2))
    await asyncio.sleep(0)
    assert not settled.done()
    tell(sieve, spec.Basic.Ack(2, multiple=True))
    assert settled.done()
    assert found.settled().done()


def test_a_tag_that_was_never_sent_is_not_counted_to() -> None:
    found, sieve = confirms("a")
    tell(sieve, spec.Basic.Ack(2**62, multiple=True))
    found.sent("b")
    tell(sieve, spec.Basic.Ack(2, multiple=True))
    assert answers(found, "ab") == "cc"


def test_what_is_no_answer_is_left_to_others() -> None:
    _, sieve = confirms("a")
    close = pamqp.frame.marshal(spec.Channel.Close(404, "no exchange", 60, 40), CHANNEL)
    assert sieve.sift(close) == close
    other = pamqp.frame.marshal(spec.Basic.Ack(1), CHANNEL + 1)
    assert sieve.sift(other) == other


def test_half_of_a_message_that_comes_back_is_no_message() -> None:
    _, sieve = confirms("a")
    with pytest.raises(ValueError, match="not whole"):
        tell(sieve, *returned("a")[:2], spec.Basic.Ack(1))


@given(
    message=st.builds(
        Outgoing,
        exchange=st.from_regex(r"[a-zA-Z0-9-_.:@#,/ ]{0,40}", fullmatch=True),
        routing_key=SHORT,
        body=st.binary(max_size=200),
        content_type=SHORT.filter(bool),
        headers=st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=9), max_size=3),
        message_id=SHORT.filter(bool),
        persistent=st.booleans(),
    )
)
def test_frames_are_those_that_pamqp_writes(message: Outgoing) -> None:
    frame_max = 58
    properties = spec.Basic.Properties(
        content_type=message.content_type, headers=dict(message.headers),
        delivery_mode=2 if message.persistent else 1, message_id=message.message_id, user_id="guest",
    )  # fmt: skip
    parts = [message.body[at : at + 50] for at in range(0, len(message.body), 50)]
    expected: list[Frame | ContentHeader | ContentBody] = [
        spec.Basic.Publish(exchange=message.exchange, routing_key=message.routing_key, mandatory=True),
        ContentHeader(0, len(message.body), properties),
        *map(ContentBody, parts),
    ]
    written = b"".join(pamqp.frame.marshal(frame, CHANNEL) for frame in expected)
    assert framed(message, CHANNEL, short_text("guest"), frame_max) == written


def test_a_text_has_its_bounds() -> None:
    assert short_text("é" * 127) == b"\xfe" + "é".encode() * 127
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        short_text("é" * 128)
