"""A PostgreSQL of our own: on loopback and a free port, with its data in a temporary folder."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.local.account import Account, unprivileged
from gateway.local.folder import make_folder, remove_folder
from gateway.local.found import Found
from gateway.local.ports import LOOPBACK, free_port, is_listening
from gateway.local.postgres_programs import PostgresPrograms, find_postgres
from gateway.local.process import ServerProcess, run_program

DATABASE_URL: Final = "TALLYSTICK_DATABASE_URL"

_OWNER: Final = "tally"
_START_SECONDS: Final = 60.0
_STATUS_LINE: Final = 7
"""Line of postmaster.pid that says `ready`; what `pg_ctl --wait` looks at (PostgreSQL 10 and later)."""

_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on"}
_FORGETFUL: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@asynccontextmanager
async def postgres(environment: Mapping[str, str], *, durable: bool = True) -> AsyncIterator[Found]:
    """The PostgreSQL that the environment names, else a private one while the context lasts.

    Raises `ServerMissing` where there is neither, and `ServerFailed` where a private one does not start.
    """
    if url := environment.get(DATABASE_URL):
        yield Found(url, DATABASE_URL)
        return
    server = await asyncio.to_thread(LocalPostgres, durable=durable)
    try:
        await asyncio.to_thread(server.start)
        yield Found(server.url, server.origin)
    finally:
        await asyncio.to_thread(server.close)


class LocalPostgres:
    """A private server. Its calls block (half a second for the first start); from a loop use `asyncio.to_thread`.

    Connections from loopback are trusted, as the superuser that `url` names: for data that nobody minds only.
    `durable=False` trades the promise that a commit survives a crash for speed; for tests that never kill the server.
    """

    def __init__(
        self,
        *,
        durable: bool = True,
        programs: PostgresPrograms | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Choose programs (those found, unless given) and a port. Raises `ServerMissing`; nothing runs yet."""
        self._account: Final = unprivileged()
        chosen = programs or find_postgres(self._account)
        self._folder: Final = make_folder("postgres", self._account)
        try:
            self._programs: Final = _reachable(chosen, self._account, self._folder)
        except OSError:
            remove_folder(self._folder)
            raise
        self._data: Final = self._folder / "data"
        self.port: Final = free_port()
        self.origin: Final = f"a private {self._programs.origin}"
        all_settings = _SETTINGS | (_DURABLE if durable else _FORGETFUL) | dict(settings or {})
        self._process: Final = ServerProcess(
            name="postgres",
            argv=[
                *(str(self._programs.folder / "postgres"), "-D", str(self._data), "-p", str(self.port)),
                *(f"--{name}={value}" for name, value in all_settings.items()),
            ],
            environment=_environment(self._folder),
            folder=self._folder,
            account=self._account,
            orderly=signal.SIGINT,  # "fast": ends connections, writes a checkpoint
            immediate=signal.SIGQUIT,  # as a crash: the next start recovers from the log
        )

    @property
    def data(self) -> Path:
        """Where its files are; to be copied only while it is stopped."""
        return self._data

    @property
    def url(self) -> str:
        """Of the database `postgres`, as its superuser."""
        return f"postgresql://{_OWNER}@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> None:
        """Start, on the same port and data each time, and return when it takes connections. Raises `ServerFailed`."""
        if not self._data.exists():
            self._initialise()
        self._process.start()
        try:
            self._process.wait_until(self._is_ready, _START_SECONDS)
        except BaseException:
            self._process.stop(immediate=True)
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """Stop and wait until it is gone: in order, or as in a crash."""
        self._process.stop(immediate=immediate)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again."""
        self.stop(immediate=immediate)
        self.start()

    def close(self) -> None:
        """Stop for good and remove the data."""
        self.stop(immediate=True)
        remove_folder(self._folder)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _initialise(self) -> None:
        options = ["-D", str(self._data), "-U", _OWNER, "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        run_program(
            [str(self._programs.folder / "initdb"), *options],
            environment=_environment(self._folder),
            folder=self._folder,
            account=self._account,
            seconds=_START_SECONDS,
        )

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # The file alone may be what a killed server left.
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready" and is_listening(self.port)


def _reachable(programs: PostgresPrograms, account: Account, folder: Path) -> PostgresPrograms:
    """The programs where they are, or a copy: a virtual environment below root's home cannot be entered by others."""
    if account.can_run(programs.folder / "postgres"):
        return programs
    return programs.copied_to(folder / "programs")


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: PGDATA, PGPORT, and their like would change what the programs do."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}
