"""How much is measured: the sizes of a full run, of a quick one, and of any part of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts are of messages unless named otherwise; `seconds` is how long each fixed rate is held."""

    messages: int = 30_000
    keys: int = 5_000
    rounds: int = 3
    rounds_apart: int = 3
    """Of what is compared with the gateway itself."""
    rates: tuple[int, ...] = (500, 1_000, 2_000)
    seconds: float = 10.0
    replayed: int = 100_000
    big_keys: int = 1_000_000
    big_rows: int = 10_000_000
    parked: int = 1_000_000
    waiting: int = 1_000_000
    memory_seconds: float = 180.0
    """How long memory is looked at, at most."""
    open_commands: int = 100_000
    old_rows: int = 1_000_000
    """Of a kind, for retention to remove."""
    stored: int = 1_000_000
    """Messages in the database while the API is asked for its lists."""
    stored_cases: int = 100_000
    """Cases, and rows of each other kind, meanwhile."""
    sent: int = 20_000
    """Commands that the relay sends, and messages of the sustained run."""

    def quick(self) -> Self:
        """About a minute."""
        return replace(self, messages=10_000, rounds=1, rounds_apart=1, seconds=3.0, replayed=5_000)

    def with_rounds(self, rounds: int | None) -> Self:
        """So many rounds of everything that runs in rounds; None: as it is."""
        return self if rounds is None else replace(self, rounds=rounds, rounds_apart=rounds)

    def scaled(self, scale: float) -> Self:
        """Every count and duration times `scale`, none of them below what can be measured at all."""
        if scale == 1:
            return self
        return replace(
            self,
            messages=max(20, round(self.messages * scale)),
            keys=max(10, round(self.keys * scale)),
            seconds=max(1.0, self.seconds * scale),
            replayed=max(20, round(self.replayed * scale)),
            big_keys=max(20, round(self.big_keys * scale)),
            big_rows=max(200, round(self.big_rows * scale)),
            parked=max(10, round(self.parked * scale)),
            waiting=max(20, round(self.waiting * scale)),
            memory_seconds=max(4.0, self.memory_seconds * scale),
            open_commands=max(10, round(self.open_commands * scale)),
            old_rows=max(200, round(self.old_rows * scale)),
            stored=max(2_000, round(self.stored * scale)),
            stored_cases=max(200, round(self.stored_cases * scale)),
            sent=max(20, round(self.sent * scale)),
        )
