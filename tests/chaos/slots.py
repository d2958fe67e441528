"""A slot: a place where one gateway process runs behind proxies of its own, and is started again whenever it ends."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from contextlib import suppress
from typing import Final

import aiohttp

from gateway.exits import Exit
from tests.integration.firm import Firm, GatewayProcess
from tests.proxy.behind import Proxies

AGAIN_SECONDS: Final = 0.3
LOOK_SECONDS: Final = 0.5
READY_SECONDS: Final = 60.0
PAGE_SECONDS: Final = 2.0
_SAMPLE: Final = re.compile(r"^tallystick_(\w+?)(?:_total)?(?:\{([^}]*)\})? ([0-9.e+]+)$", re.MULTILINE)


class Slot:
    """Keeps a process running. What ends by itself, otherwise than because a server is away, is a death."""

    def __init__(self, name: str, firm: Firm, proxies: Proxies) -> None:
        self.name = name
        self.proxies = proxies
        self.deaths: list[str] = []
        self.starts = 0
        self.recoveries = 0
        """How often a process became ready that was not."""
        self.longest = 0.0
        """Seconds between ready and ready again, at most."""
        self.is_frozen = False
        self._firm = firm
        self._process: GatewayProcess | None = None
        self._is_wanted = True
        self._is_killed = False
        self._is_ready = False
        self._left_ready: float | None = None
        self._metrics: dict[int, Counter[tuple[str, str]]] = {}

    def __repr__(self) -> str:
        return f"Slot({self.name})"

    @property
    def is_running(self) -> bool:
        """Whether there is a process that is not stopped."""
        return self._process is not None and self._process.process.returncode is None and not self.is_frozen

    @property
    def is_ready(self) -> bool:
        """Whether its process said so when it was last asked."""
        return self._is_ready

    @property
    def api(self) -> str | None:
        """URL of its process's API; None if it has none."""
        return None if self._process is None else self._process.api

    async def run(self) -> None:
        """Start it, wait until it ends, and again, until it is no longer wanted."""
        while self._is_wanted:
            self._process = await self._firm.start(**self.proxies.environment)
            self._is_killed = False
            self.starts += 1
            code = await self._process.process.wait()
            if self._ended_by_itself() and code != Exit.UNREACHABLE:
                self.deaths.append(f"process {self.starts} of {self.name} ended with {code}: {self._last_words()}")
            await asyncio.sleep(AGAIN_SECONDS)

    async def watch(self) -> None:
        """Look at readiness and metrics for ever."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PAGE_SECONDS)) as session:
            while True:
                await self._look(session)
                await asyncio.sleep(LOOK_SECONDS)

    def kill(self) -> None:
        """SIGKILL, now."""
        if self._process is not None and self._process.process.returncode is None:
            self._is_killed = True
            self.is_frozen = False
            self._process.process.kill()

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.is_running and self._process is not None:
            self._process.process.send_signal(signal.SIGSTOP)
            self.is_frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        if self.is_frozen and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.process.send_signal(signal.SIGCONT)
        self.is_frozen = False

    async def stop(self) -> None:
        """SIGTERM; it must finish what is in flight and say so."""
        self._is_wanted = False
        if self._process is None or self._process.process.returncode is not None:
            self.deaths.append(f"{self.name} has no process at the end")
        elif code := await self._process.stop():
            self.deaths.append(f"{self.name} stopped with {code}: {self._last_words()}")

    def counted(self) -> Counter[str]:
        """What all of its processes counted, as far as they were asked before they were killed."""
        total: Counter[str] = Counter()
        for counts in self._metrics.values():
            for (name, _), value in counts.items():
                total[name] += value
        return total

    async def _look(self, session: aiohttp.ClientSession) -> None:
        gateway, number, loop = self._process, self.starts, asyncio.get_running_loop()
        was_ready, self._is_ready = self._is_ready, False
        if gateway is None:
            return
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"{gateway.ops}/readyz") as response:
                self._is_ready = response.status == 200
            async with session.get(f"{gateway.ops}/metrics") as response:
                self._metrics[number] = _samples(await response.text())
        if was_ready and not self._is_ready:
            self._left_ready = loop.time()
        if self._is_ready and not was_ready:
            self.recoveries += 1
            if self._left_ready is not None:
                self.longest = max(self.longest, loop.time() - self._left_ready)

    def _ended_by_itself(self) -> bool:
        return self._is_wanted and not self._is_killed

    def _last_words(self) -> str:
        return "" if self._process is None else self._process.log.read_text(encoding="utf-8")[-2000:]


def _samples(text: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for name, labels, value in _SAMPLE.findall(text):
        found[name, labels] = int(float(value))
    return found
