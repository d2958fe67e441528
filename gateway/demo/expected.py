"""What must come of a day: the effects, the verdicts, and the differences that were planted.

An oracle, so it shares nothing with what it judges: it reads the published JSON by itself and knows the rules of
billing in its own words (`gateway.demo.oracle`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.demo.effects import Effect
from gateway.demo.oracle import MessageId, Oracle, Terms, read_fact
from gateway.demo.sending import Planted, Sending


@dataclass(frozen=True, slots=True)
class Named:
    """A difference that was planted: what stands open, why, how many messages, and how much money is behind it."""

    what: str
    why: str
    messages: int = 1
    money: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """`verdicts`: of each message that gets a row in the inbox; a conflict's row is listed under `conflicts`."""

    effects: Sequence[Effect]
    verdicts: Mapping[MessageId, str]
    conflicts: Sequence[Sending]
    dead_letters: Sequence[Sending]
    duplicates: int
    parked_commands: int
    differences: Sequence[Named]
    asked: Mapping[str, int] = field(default_factory=dict)
    """Cases that a person settled, by code."""

    @property
    def messages(self) -> int:
        """Messages that must be accounted for: every one that was published, repetitions aside."""
        return len(self.verdicts) + len(self.conflicts) + len(self.dead_letters)


def expect(sendings: Sequence[Sending], terms: Terms) -> Expected:
    """The outcome of publishing these, in this order."""
    oracle = Oracle(terms)
    oracle.judge([read_fact(each) for each in sendings if each.planted is None])
    conflicts = [each for each in sendings if each.planted is Planted.CONFLICT]
    dead = [each for each in sendings if each.planted is not None and each.planted.is_dead_letter]
    differences = [
        *(Named(root, why, oracle.behind[root], dict(oracle.blocked[root])) for root, why in oracle.roots.items()),
        *(Named(f"{each.source} {each.id}", f"conflict: {each.planted}") for each in conflicts),
        *(Named(f"{each.source} {each.id}", f"dead letter: {each.planted}") for each in dead),
    ]
    return Expected(
        effects=oracle.effects,
        verdicts=oracle.verdicts,
        conflicts=conflicts,
        dead_letters=dead,
        duplicates=sum(each.planted is Planted.DUPLICATE for each in sendings),
        parked_commands=oracle.refused,
        differences=differences,
        asked=dict(oracle.asked),
    )
