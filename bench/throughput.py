"""The contenders in turn, several rounds in one run, so that each figure is a ratio of neighbours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import fmean, median
from typing import Final

from bench.checks import MessagesLeft
from bench.contenders import CONTENDERS, A, B, C, Contender, D, T
from bench.part import Found, Say
from bench.rounds import one_round
from bench.servers import Servers
from bench.sizes import Sizes

TURNS: Final = (A, B, T, C, A, B, T, D)
"""One round. T runs twice, so that nobody is far from it, and so do A and B, which are done in a moment."""

MOST_AGAIN: Final = 2
"""Rounds of a run that are taken again because messages were left; a third one ends it."""

Ran = tuple[str, float]
"""Who ran, and how fast."""


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second of each contender, and T's ratio to each other one."""
    ran: list[Ran] = []
    notes: list[str] = []
    for number in range(1, sizes.rounds + 1):
        for contender in TURNS:
            attempt = partial(one_round, servers, contender, sizes.messages, sizes.keys)
            speed = round(await whole(attempt, contender.name, notes))
            ran.append((contender.name, speed))
            say(f"round {number} of {sizes.rounds}: {contender.name} {speed:,.0f} messages/s")
    speeds = {contender.name: _of(contender, ran) for contender in CONTENDERS}
    return Found(speeds, {f"T/{name}": ratio(ran, name) for name in speeds if name != T.name}, notes)


async def whole(attempt: Callable[[], Awaitable[float]], name: str, notes: list[str]) -> float:
    """The speed of a round in which nothing was left; the notes tell of each that was taken again."""
    while True:
        try:
            return await attempt()
        except MessagesLeft as left:
            if len(notes) == MOST_AGAIN:
                raise
            notes.append(f"a round of {name} was taken again: {left}")


def ratio(ran: Sequence[Ran], name: str) -> float:
    """T to the contender: the median of its rounds, each beside the mean of the rounds of T right before and after it.

    The machine does not stay as fast as it is; what ran within the same minute was slowed by the same things.
    """
    return median(_beside(ran, place) / speed for place, (other, speed) in enumerate(ran) if other == name)


def _beside(ran: Sequence[Ran], place: int) -> float:
    """The speed of T around a place."""
    before = [speed for name, speed in ran[:place] if name == T.name][-1:]
    after = [speed for name, speed in ran[place:] if name == T.name][:1]
    return fmean(before + after)


def _of(contender: Contender, ran: Sequence[Ran]) -> list[float]:
    return [speed for name, speed in ran if name == contender.name]
