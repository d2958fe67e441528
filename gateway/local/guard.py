"""A program that keeps one server for as long as its owner lives.

The owner holds the other end of our standard input. First comes the plan, on one line. Then a byte asks for a stop; the
end of the input means that the owner is gone, in whatever way: kill -9 closes it too. Then the server is killed and its
folder removed, since nobody is left to use either. Chosen over PR_SET_PDEATHSIG, which follows the thread that started
the child instead of the process, is lost in a change of user, does not reach grandchildren, and is Linux only.

Runs by itself (`python -I guard.py NAME`), so it imports the standard library alone. It follows its owner and nobody
else: it has a session of its own, so that an interrupt from the keyboard reaches the owner alone, and takes no notice
of signals.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Final

LAST_SECONDS: Final = 5.0
"""How long to wait for what SIGKILL has ended."""

_PR_SET_CHILD_SUBREAPER: Final = 36
"""Of Linux's prctl(2)."""


class Stop(Enum):
    """How the server is to end; the value is the byte that the owner writes."""

    ORDERLY = b"o"
    IMMEDIATE = b"i"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how to end it, as it crosses from owner to guard."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    log: str
    uid: int | None
    gid: int | None
    orderly: int
    """Signal that asks the server to finish."""
    immediate: int
    """Signal that ends it as a crash would, yet without leaving shared memory behind."""
    grace: float
    """Seconds that either signal gets before SIGKILL."""

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def main() -> None:
    """Run the server of the plan until it ends, is stopped, or the owner is gone."""
    owner = open(0, "rb", buffering=0)  # noqa: SIM115 - a descriptor, for life; unbuffered: select must see all
    plan = Plan(**json.loads(owner.readline()))
    news, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the server would inherit
    _adopt_orphans()
    server = _start(plan)
    stop, is_orphan = _wait(server, owner, news)
    _end(server, plan, stop)
    if is_orphan:
        shutil.rmtree(plan.folder, ignore_errors=True)


def _start(plan: Plan) -> subprocess.Popen[bytes]:
    is_change = plan.uid is not None
    with Path(plan.log).open("ab") as log:
        return subprocess.Popen(
            plan.argv,
            env=plan.environment,
            cwd=plan.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=plan.uid,
            group=plan.gid,
            extra_groups=[] if is_change else None,
            process_group=0,
            umask=0o077,
        )


def _wait(server: subprocess.Popen[bytes], owner: io.FileIO, news: int) -> tuple[Stop, bool]:
    """How to end, and whether the owner is gone. A server that ended by itself is cleaned up after in the same way."""
    while True:
        readable, _, _ = select.select([owner.fileno(), news], [], [])
        if owner.fileno() in readable:
            asked = owner.read(1)
            return (Stop(asked), False) if asked else (Stop.IMMEDIATE, True)
        os.read(news, 64)
        if server.poll() is not None:
            return Stop.IMMEDIATE, False


def _end(server: subprocess.Popen[bytes], plan: Plan, stop: Stop) -> None:
    number = plan.orderly if stop is Stop.ORDERLY else plan.immediate
    if server.poll() is None:
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(plan.grace)
    # What is left of its group (a server that hangs, children that outlived it) gets no further grace.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + LAST_SECONDS
    while _has_children() and time.monotonic() < deadline:
        time.sleep(0.01)


def _has_children() -> bool:
    """Whether anything that the server started is still there; takes note of what has ended."""
    with suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    return False


def _adopt_orphans() -> None:
    """On Linux, let grandchildren whose parent ended become our children, so that we can wait for them too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
