"""What is told of a first look while it goes on, in the log and to health: a start that looks must not seem to hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from gateway import telemetry
from gateway.suspicion import Treatment

TELL_SECONDS: Final = 5.0
"""How often the progress is logged, also while nothing moves."""


class Looking:
    """`show` takes what the start is at, as health shows it; "" once it is over.

    `alone` hears of each message that runs alone: its lane, the number of the attempt, and the treatment.
    """

    def __init__(self, show: Callable[[str], None], alone: Callable[[str, int, Treatment], None]) -> None:
        self.alone = alone
        self._show = show
        self._began = 0.0
        self._lanes: int | None = None
        """Lanes that were looked at; None while another process looks."""
        self._waits = False

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Inside, somebody looks: this process or another."""
        self._began, self._lanes, self._waits = asyncio.get_running_loop().time(), None, False
        telling = asyncio.create_task(self._tell(), name="looking")
        try:
            yield
        finally:
            telling.cancel()
            self._show("")

    @property
    def seconds(self) -> float:
        """Since it began."""
        return asyncio.get_running_loop().time() - self._began

    def waits(self, patience: float) -> None:
        """Another process looks; it is waited for, until `patience` seconds have gone by since the beginning."""
        self._lanes = None
        self._show("waiting for another process, which looks at lanes of before")
        if not self._waits:
            self._waits = True
            telemetry.first_look_waits(patience)

    def begins(self) -> None:
        """It looks, from the first lane on."""
        self._lanes = 0
        self.passes(0)

    def passes(self, lanes: int) -> None:
        """So many more lanes were looked at."""
        self._lanes = (self._lanes or 0) + lanes
        self._show(f"looking at lanes of before, {self._lanes} done")

    def done(self) -> None:
        """All were looked at."""
        telemetry.first_look_done(self._lanes or 0, self.seconds)

    def skipped(self) -> None:
        """The other process did not end in time: this one starts without a look."""
        telemetry.first_look_skipped(self.seconds)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            if self._lanes is not None:
                telemetry.first_look_progress(self._lanes, self.seconds)
