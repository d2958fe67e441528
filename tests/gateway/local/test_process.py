"""A guarded process ends when it is told to, when it must, and when its owner dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local.account import Account, unprivileged
from gateway.local.errors import ServerFailed
from gateway.local.folder import make_folder, remove_folder
from gateway.local.process import ServerProcess
from tests.fixtures.wait import wait_for

STUBBORN = "trap '' TERM; sleep 1000 & echo $! > child; echo $$ > pid; while :; do wait; done"
OWNER = """
import sys
from pathlib import Path
from gateway.local.process import ServerProcess
from gateway.local.account import unprivileged
from tests.gateway.local.test_process import shell
server = shell(Path(sys.argv[1]), sys.argv[2], grace=20)
server.start()
print("started", flush=True)
sys.stdin.read()
"""


def shell(folder: Path, script: str, grace: float = 20.0) -> ServerProcess:
    return ServerProcess(
        name="shell",
        argv=["/bin/sh", "-c", script],
        environment={"PATH": "/usr/bin:/bin"},
        folder=folder,
        account=unprivileged(),
        orderly=signal.SIGTERM,
        immediate=signal.SIGKILL,
        grace=grace,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = make_folder("test", unprivileged())
    yield folder
    remove_folder(folder)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone before the open, or between the open and the read
        return False
    return state != "Z"  # dead, and only not yet noticed by its new parent


def pid_in(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_an_orderly_stop_lets_the_server_finish(folder: Path) -> None:
    server = shell(folder, "trap 'echo done > end; exit' TERM; echo $$ > pid; while :; do sleep 0.01; done")
    server.start()
    pid = pid_in(folder / "pid")
    server.stop()
    assert (folder / "end").read_text() == "done\n"
    assert not is_running(pid)


def test_a_stubborn_server_and_its_children_are_gone_after_the_grace(folder: Path) -> None:
    server = shell(folder, STUBBORN, grace=0.2)
    server.start()
    pids = [pid_in(folder / "pid"), pid_in(folder / "child")]
    server.stop()
    assert not any(is_running(pid) for pid in pids)


def test_it_starts_again_after_a_stop(folder: Path) -> None:
    server = shell(folder, "echo up >> ups; exec sleep 1000")
    for ups in (1, 2):
        server.start()
        server.wait_until(lambda ups=ups: len(_lines(folder / "ups")) == ups, 10)  # type: ignore[misc] # mypy cannot infer it
        server.stop(immediate=True)


def test_a_server_that_ends_while_it_starts_shows_its_log(folder: Path) -> None:
    server = shell(folder, "echo the port is taken >&2; exit 3")
    server.start()
    with pytest.raises(ServerFailed, match=r"(?s)ended while it was starting.*the port is taken"):
        server.wait_until(lambda: False, 10)
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_dies(folder: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), STUBBORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        pids = [pid_in(folder / "pid"), pid_in(folder / "child")]
        owner.send_signal(number)
    wait_for(lambda: not any(is_running(pid) for pid in pids))
    wait_for(lambda: not folder.exists())


def test_an_account_cannot_run_what_lies_below_a_closed_folder(tmp_path: Path) -> None:
    program = tmp_path / "closed" / "program"
    program.parent.mkdir(mode=0o700)
    program.write_text("")
    program.chmod(0o755)
    stranger = Account(os.geteuid() + 1, os.getegid() + 1)
    assert not stranger.can_run(program)
    assert Account(os.geteuid(), os.getegid()).can_run(program)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
