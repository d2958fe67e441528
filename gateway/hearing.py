"""What an outcome says about the system that it came from, whatever it means for the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from adapters.ports.gate import BreakerRule, Heard, Speech
from adapters.ports.system import NOT_BEGUN, Absent
from gateway.retry import Retries
from schemas.commands import Confirmed, Deferred, Rejected, Unknown
from schemas.verdicts import FailureClass

SHORTEST_WAIT: Final = 0.5
"""Seconds that we leave a system alone at least that asks us to come back later."""

ILL: Final = frozenset({FailureClass.UNAVAILABLE, FailureClass.TIMEOUT})
"""Classes of failures that speak of the system, not of the command."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Hears answers of one system. `longest_wait` caps what it may ask for, in seconds."""

    rule: BreakerRule
    retries: Retries
    longest_wait: float

    def heard(self, outcome: Confirmed | Absent | Rejected | Deferred | Unknown) -> Heard:
        """What the answer to an attempt or a look-up says of the system."""
        match outcome:
            case Confirmed() | Absent() | Rejected():
                return Heard(Speech.WELL, self.rule)
            case Deferred() if outcome == NOT_BEGUN:
                # It says what became of the command before it, and may be our own word.
                return Heard(Speech.NEITHER, self.rule)
            case Deferred(failure, retry_after):
                match failure.failure_class:
                    case FailureClass.AUTH:
                        return Heard(Speech.REFUSED, self.rule)
                    case FailureClass.RATE_LIMITED | FailureClass.UNAVAILABLE if retry_after is not None:
                        wait = min(max(retry_after, SHORTEST_WAIT), self.longest_wait)
                        return Heard(Speech.NEITHER, self.rule, wait)
                    case FailureClass.RATE_LIMITED:
                        # It does not say for how long: the breaker makes it longer each time.
                        wait = self.retries.of(FailureClass.RATE_LIMITED).first
                        return Heard(Speech.FAILED, self.rule, wait)
                    case failure_class if failure_class in ILL:
                        return Heard(Speech.FAILED, self.rule)
                    case _:
                        return Heard(Speech.WELL, self.rule)
            case Unknown(failure):
                if failure.failure_class in ILL:
                    return Heard(Speech.FAILED, self.rule)
                return Heard(Speech.WELL, self.rule)
            case _:
                assert_never(outcome)


def holds_the_system(heard: Heard) -> bool:
    """Whether the gate now keeps the command back, so that it needs no delay of its own."""
    return heard.wait is not None or heard.speech is Speech.REFUSED


def speaker(heards: Sequence[Heard]) -> int:
    """The place of the one that speaks for all, where one request brought several answers: they are one sign.

    A refused token or a wish to wait counts most. A failure counts only if no other answer shows that the system works,
    and what shows nothing speaks only where nothing else is there.
    """
    return max(range(len(heards)), key=lambda place: (*_weight(heards[place]), place))


def _weight(heard: Heard) -> tuple[int, float]:
    match heard.speech:
        case Speech.REFUSED:
            return 4, 0.0
        case _ if heard.wait is not None:
            return 3, heard.wait
        case Speech.WELL:
            return 2, 0.0
        case Speech.FAILED:
            return 1, 0.0
        case Speech.NEITHER:
            return 0, 0.0
        case _:
            assert_never(heard.speech)
