"""When the play rests: nothing is on its way any more, as the database and the broker see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from adapters.ports.tally import Counted

SECONDS: Final = 180.0
"""How long to wait after the last message was published."""
POLL: Final = 0.5
STEADY: Final = 3
"""Polls in a row that must find nothing moving: what is in memory between two rows is seen at the next."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the play stands. `ready`: messages in the broker's queues; `due`: messages that must be accounted for."""

    counted: Counted
    ready: int
    due: int

    @property
    def moving(self) -> list[str]:
        """What is still on its way, in words."""
        lanes, commands = self.counted.lanes, self.counted.commands
        missing = self.due - self.counted.messages - self.counted.dead_letters
        found = (
            (missing, "messages are neither accepted nor dead letters"),
            (self.ready, "messages stand in the broker"),
            (lanes.get("open", 0) + lanes.get("backoff", 0), "lanes may run"),
            (commands.get("open", 0), "commands are open"),
            (self.counted.wakes, "wakes are not taken"),
        )
        return [f"{count} {what}" for count, what in found if count > 0]


async def settle(look: Callable[[], Awaitable[Standing]], seconds: float = SECONDS) -> list[str]:
    """Wait until nothing moves; what still does after `seconds`, else an empty list."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    steady = 0
    while True:
        moving = (await look()).moving
        steady = 0 if moving else steady + 1
        if steady == STEADY:
            return []
        if loop.time() > deadline:
            return moving or ["it settled too late"]
        await asyncio.sleep(POLL)
