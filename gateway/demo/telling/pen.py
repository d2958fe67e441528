"""Writes events as their sources do: each with its own ids, its own clock, and its own numbers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final

from gateway.demo.telling.sending import Sender, Sending, sending
from schemas.envelope import Attributes
from schemas.record import Record

BINARY_SHARE: Final = 0.3

_IDS: Final = {
    Sender.CRM: "CRM-{:06}",
    Sender.PSA: "PSA-{:06}",
    Sender.FINANCE: "fin/{:05}",
    Sender.BILLING: "bill-{:05}",
    Sender.ERP: "{:09}",
    Sender.ERP_EU: "EU.{:07}",
}
_CLOCKS: Final = {
    Sender.CRM: timedelta(minutes=7),
    Sender.PSA: timedelta(minutes=-3),
    Sender.FINANCE: timedelta(seconds=11),
    Sender.BILLING: timedelta(hours=-1),
    Sender.ERP: timedelta(0),
    Sender.ERP_EU: timedelta(hours=1),
}
"""By how much each is ahead; no order may depend on it."""
NUMBERING: Final = frozenset({Sender.PSA, Sender.FINANCE})
"""Who numbers the events of each subject; the policy file says what these promise of it."""


class Pen:
    """One for a play."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._written: Counter[Sender] = Counter()
        self._numbers: Counter[tuple[Sender, str]] = Counter()

    def write(self, sender: Sender, type_: str, subject: str, data: Record, on: date) -> Sending:
        """The next event of a source, about something of that day. Those of one subject are written in their order."""
        self._written[sender] += 1
        number = None
        if sender in NUMBERING:
            self._numbers[sender, subject] += 1
            number = self._numbers[sender, subject]
        attributes = Attributes(
            sender.source,
            _IDS[sender].format(self._written[sender]),
            type_,
            subject,
            time=self.moment(sender, on),
            sequence=number,
        )
        return sending(sender, attributes, data, is_binary=self._random.random() < BINARY_SHARE)

    def moment(self, sender: Sender, on: date) -> datetime:
        """When something of that day happens, by the clock of a source; a second later with each event."""
        morning = datetime.combine(on, time(9), UTC)
        return morning + timedelta(seconds=self._written[sender] % 28_800) + _CLOCKS[sender]
