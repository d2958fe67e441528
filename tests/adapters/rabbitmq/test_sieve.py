"""The sieve: deliveries come out whole and in order, however the bytes are cut, and all else stays as it was."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pamqp.frame
import pytest
from aiormq import spec
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from adapters.rabbitmq.sieve import HEARTBEAT, Arrival, Sieve

OURS, ANOTHER = 3, 4
TEXTS = st.text(max_size=20)
OTHERS = st.sampled_from(
    [
        HEARTBEAT,
        pamqp.frame.marshal(spec.Basic.ConsumeOk("tag"), OURS),
        pamqp.frame.marshal(spec.Channel.CloseOk(), OURS),
        pamqp.frame.marshal(spec.Queue.DeclareOk("q", 1, 2), ANOTHER),
        pamqp.frame.marshal(spec.Connection.Blocked("low on memory"), 0),
    ]
)


@dataclass(eq=False)
class Seen:
    """A taker that keeps what it is given."""

    arrivals: list[Arrival] = field(default_factory=list)
    is_lost: bool = False

    def arrived(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)

    def lost(self) -> None:
        self.is_lost = True


EVERY: Mapping[str, Any] = {
    "content_encoding": "utf-8", "delivery_mode": 2, "priority": 3, "correlation_id": "c", "reply_to": "r",
    "expiration": "60000", "message_id": "m", "timestamp": datetime(2026, 3, 6, tzinfo=UTC), "message_type": "t",
    "app_id": "a",
}  # fmt: skip
"""A value of each property that is not read; most stand before the user id, which decides who may send what."""


def plain(body: bytes) -> Arrival:
    return Arrival(
        tag=1, is_redelivered=False, routing_key="key", content_type=None, headers={}, user_id=None, body=body
    )


def delivered(channel: int, arrival: Arrival, frame: int = 50, others: Mapping[str, Any] = EVERY) -> list[bytes]:
    """The frames of a delivery, its body in frames of so many bytes."""
    headers: dict[str, Any] = dict(arrival.headers)
    properties = spec.Basic.Properties(
        content_type=arrival.content_type, headers=headers or None, user_id=arrival.user_id, **dict(others)
    )
    method = spec.Basic.Deliver("ctag", arrival.tag, arrival.is_redelivered, "events", arrival.routing_key)
    parts = [arrival.body[at : at + frame] for at in range(0, len(arrival.body), frame)]
    return [
        pamqp.frame.marshal(method, channel),
        pamqp.frame.marshal(ContentHeader(0, len(arrival.body), properties), channel),
        *(pamqp.frame.marshal(ContentBody(part), channel) for part in parts),
    ]


ARRIVALS = st.builds(
    Arrival,
    tag=st.integers(1, 2**63 - 1),
    is_redelivered=st.booleans(),
    routing_key=TEXTS,
    content_type=st.none() | TEXTS.filter(bool),
    headers=st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=9) | st.booleans(), max_size=3),
    user_id=st.none() | TEXTS.filter(bool),
    body=st.binary(max_size=200),
)


def sifted(stream: bytes, cuts: list[int]) -> tuple[list[Arrival], bytes]:
    """What channel 3 is given, and what is left of a stream that comes in pieces."""
    sieve, seen, rest = Sieve(), Seen(), b""
    sieve.enter(OURS, seen)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for begin, end in itertools.pairwise(edges):
        rest += sieve.sift(stream[begin:end])
    return seen.arrivals, rest


@given(
    pieces=st.lists(st.tuples(st.booleans(), ARRIVALS) | OTHERS, max_size=6),
    properties=st.sets(st.sampled_from(sorted(EVERY))),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_deliveries_come_out_and_the_rest_stays_wherever_the_stream_is_cut(
    pieces: list[tuple[bool, Arrival] | bytes], properties: set[str], cuts: list[int]
) -> None:
    stream, expected, others = b"", list[Arrival](), b""
    for piece in pieces:
        if isinstance(piece, bytes):
            stream, others = stream + piece, others + piece
            continue
        is_ours, arrival = piece
        chosen = {name: EVERY[name] for name in properties}
        frames = b"".join(delivered(OURS if is_ours else ANOTHER, arrival, others=chosen))
        stream += frames
        if is_ours:
            expected.append(arrival)
        else:
            others += frames
    assert sifted(stream, cuts) == (expected, others)


def test_frames_of_other_channels_may_come_between_those_of_a_delivery() -> None:
    arrival = plain(b"x" * 120)
    between = pamqp.frame.marshal(spec.Queue.DeclareOk("q", 1, 2), ANOTHER)
    assert sifted(between.join(delivered(OURS, arrival)), []) == ([arrival], between * 4)


def test_what_still_comes_for_one_who_left_is_dropped() -> None:
    sieve, seen = Sieve(), Seen()
    sieve.enter(OURS, seen)
    method, *others = delivered(OURS, plain(b"body"))
    assert sieve.sift(method) == b""
    sieve.leave(OURS, seen)
    assert sieve.sift(b"".join(others)) == b""
    assert seen.arrivals == []
    # and: so is what comes after it, until the channel's number is given to another
    assert sieve.sift(method + b"".join(others)) == b""
    assert seen.arrivals == []
    next_one = Seen()
    sieve.enter(OURS, next_one)
    assert sieve.sift(method + b"".join(others)) == b""
    assert [arrival.body for arrival in next_one.arrivals] == [b"body"]


def test_who_takes_a_channel_over_is_not_put_out_by_its_former_taker() -> None:
    sieve, seen, former = Sieve(), Seen(), Seen()
    sieve.enter(OURS, former)
    sieve.enter(OURS, seen)
    sieve.leave(OURS, former)
    sieve.sift(b"".join(delivered(OURS, plain(b"body"))))
    assert [arrival.body for arrival in seen.arrivals] == [b"body"]


@pytest.mark.parametrize("noise", [b"AMQP\x00\x00\x09\x01", b"\x01\x00\x03\x00\x00\x00\x01\x00\x00", b"\x05" * 20])
def test_what_is_no_frame_is_left_to_aiormq_with_all_that_follows(noise: bytes) -> None:
    more = b"".join(delivered(OURS, plain(b"body")))
    assert sifted(noise + more, [len(noise) + 3]) == ([], noise + more)


@pytest.mark.parametrize("payload", [b"\x00\x3c\x00\x3c", b"\x00\x3c\x00\x3c\x04abcd\x00", b"\x00\x3c\x00\x3c\xffa"])
def test_a_delivery_that_is_cut_short_raises(payload: bytes) -> None:
    sieve = Sieve()
    sieve.enter(OURS, Seen())
    with pytest.raises((ValueError, IndexError, struct.error)):
        sieve.sift(struct.pack(">BHI", 1, OURS, len(payload)) + payload + b"\xce")


def test_a_taker_learns_that_the_connection_is_gone() -> None:
    sieve, seen, former = Sieve(), Seen(), Seen()
    sieve.enter(OURS, seen)
    sieve.enter(ANOTHER, former)
    sieve.leave(ANOTHER, former)
    sieve.end()
    assert (seen.is_lost, former.is_lost) == (True, False)


def test_the_heartbeat_is_one() -> None:
    assert Heartbeat().marshal() == HEARTBEAT
