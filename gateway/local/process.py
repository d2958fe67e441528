"""One server process under guard: started, watched while it comes up, stopped, started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.local import guard
from gateway.local.account import Account
from gateway.local.errors import ServerFailed

_LOG_LINES: Final = 30
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Guard:
    """The guard of a running server, and our end of its input: closing it ends the server."""

    process: subprocess.Popen[bytes]
    lifeline: int


@dataclass(slots=True)
class ServerProcess:
    """A server in the foreground of its guard. All calls block; from an event loop use `asyncio.to_thread`."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    account: Account
    orderly: int
    immediate: int
    grace: float = 20.0
    _guard: _Guard | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it and return at once; `wait_until` says when it is of use."""
        if self._guard is not None:
            raise ServerFailed(f"{self.name} is running already.")
        guards_end, lifeline = os.pipe()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", guard.__file__, self.name],
                stdin=guards_end,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(guards_end)
        os.write(lifeline, f"{self._plan().as_json()}\n".encode())
        self._guard = _Guard(process, lifeline)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait for a state of the server. Raises `ServerFailed` with its log when it ends or the time is up."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self._guard is None or self._guard.process.poll() is not None:
                raise self.failed("ended while it was starting")
            if time.monotonic() > deadline:
                raise self.failed(f"was not ready within {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, immediate: bool = False) -> None:
        """End it, and return when it is gone; nothing happens when it is not running."""
        running, self._guard = self._guard, None
        if running is None:
            return
        wish = guard.Stop.IMMEDIATE if immediate else guard.Stop.ORDERLY
        with suppress(BrokenPipeError):  # it ended by itself
            os.write(running.lifeline, wish.value)
        try:
            running.process.wait(timeout=self.grace + guard.LAST_SECONDS + 5)
        finally:
            os.close(running.lifeline)

    def failed(self, what: str) -> ServerFailed:
        """The error that says `what` happened and shows the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return ServerFailed("\n".join([f"{self.name} {what}. The end of its log:", *lines[-_LOG_LINES:]]))

    def _plan(self) -> guard.Plan:
        return guard.Plan(
            argv=list(self.argv),
            environment=dict(self.environment),
            folder=str(self.folder),
            log=str(self.log),
            uid=None if self.account.is_ours else self.account.uid,
            gid=None if self.account.is_ours else self.account.gid,
            orderly=self.orderly,
            immediate=self.immediate,
            grace=self.grace,
        )


def run_program(
    argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, account: Account, seconds: float
) -> str:
    """Run a server's own tool to its end as `account` and answer what it printed. Raises `ServerFailed`."""
    ended = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=folder,
        env=dict(environment),
        user=None if account.is_ours else account.uid,
        group=None if account.is_ours else account.gid,
        extra_groups=None if account.is_ours else [],
    )
    if ended.returncode:
        raise ServerFailed(f"{Path(argv[0]).name} failed ({ended.returncode}):\n{ended.stdout}{ended.stderr}")
    return ended.stdout
