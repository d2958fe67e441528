"""Property tests of the ack window against a model of what the broker accepts and counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rabbitmq.acks import Ack, AckWindow, TagGap


class BrokerSide:
    """What RabbitMQ keeps of one channel: the outstanding tags; it refuses an ack of any other."""

    def __init__(self) -> None:
        self.outstanding: set[int] = set()
        self.delivered = 0

    def deliver(self) -> int:
        self.delivered += 1
        self.outstanding.add(self.delivered)
        return self.delivered

    def take(self, ack: Ack) -> set[int]:
        assert ack.tag in self.outstanding, "406 PRECONDITION_FAILED - unknown delivery tag"
        acked = {tag for tag in self.outstanding if tag <= ack.tag} if ack.multiple else {ack.tag}
        self.outstanding -= acked
        return acked


STEPS = st.lists(st.one_of(st.just("deliver"), st.just("flush"), st.integers(0, 100)), max_size=200)


@given(prefetch=st.integers(1, 12), steps=STEPS)
def test_only_what_is_done_is_acked_each_once_and_never_an_unknown_tag(prefetch: int, steps: list[str | int]) -> None:
    broker, window = BrokerSide(), AckWindow(prefetch)
    open_tags: list[int] = []
    done: set[int] = set()
    for step in steps:
        match step:
            case "deliver" if len(broker.outstanding) < prefetch:
                window.enter(tag := broker.deliver())
                open_tags.append(tag)
            case int() if open_tags:
                window.done(tag := open_tags.pop(step % len(open_tags)))
                window.done(tag)
                done.add(tag)
            case "flush":
                acked = [broker.take(ack) for ack in window.flush()]
                assert set().union(*acked) <= done
            case _:
                pass
        assert window.unacked == len(broker.outstanding)


@given(prefetch=st.integers(1, 12), order=st.permutations(range(1, 13)))
def test_when_everything_is_done_a_flush_acks_everything(prefetch: int, order: list[int]) -> None:
    broker, window = BrokerSide(), AckWindow(prefetch)
    for _ in order:
        window.enter(broker.deliver())
    for tag in order:
        window.done(tag)
        for ack in window.flush():
            broker.take(ack)
    assert broker.outstanding == set()
    assert window.flush() == []
    assert window.unacked == window.ready == 0


def test_done_in_order_is_one_ack() -> None:
    window = filled(4)
    for tag in (1, 2, 3):
        window.done(tag)
    assert window.flush() == [Ack(3, multiple=True)]


def test_a_straggler_holds_back_up_to_half_of_the_prefetch() -> None:
    window = filled(4)
    window.done(2)
    window.done(3)
    assert window.flush() == []


def test_beyond_half_of_the_prefetch_single_acks_go_out_and_the_watermark_skips_them_later() -> None:
    window = filled(4)
    for tag in (2, 3, 4):
        window.done(tag)
    assert window.flush() == [Ack(2, multiple=False), Ack(3, multiple=False), Ack(4, multiple=False)]
    window.done(1)
    assert window.flush() == [Ack(1, multiple=True)], "its upper end must still be outstanding at the broker"


def test_before_closing_everything_that_is_done_is_acked() -> None:
    window = filled(8)
    for tag in (1, 3, 5):
        window.done(tag)
    assert window.flush(everything=True) == [Ack(1, multiple=True), Ack(3, multiple=False), Ack(5, multiple=False)]
    assert window.unacked == 5


def test_a_skipped_tag_is_refused() -> None:
    window = filled(1)
    with pytest.raises(TagGap, match="tag 3 came after 1"):
        window.enter(3)


def filled(count: int) -> AckWindow:
    window = AckWindow(count)
    for tag in range(1, count + 1):
        window.enter(tag)
    return window
