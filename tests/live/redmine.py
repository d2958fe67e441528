"""A Redmine of our own, on loopback and a free port, with its own copy of code and database."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.local.account import unprivileged
from gateway.local.folder import make_folder, remove_folder
from gateway.local.ports import LOOPBACK, free_port
from gateway.local.process import ServerProcess
from tests.live.built import untar
from tests.live.made import RedmineMade
from tests.live.place import live_folder
from tests.live.redmine_programs import redmine_programs
from tests.live.redmine_template import DATABASE, TREE, redmine_environment, redmine_template

_START_SECONDS: Final = 120.0


class LocalRedmine:
    """A fresh copy of the seeded Redmine, and its server. Its calls block (four seconds for a start).

    Built on the first use of a machine: `make live` does it before the tests. Raises `ServerMissing` or
    `ServerFailed` where that is not possible.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._account: Final = unprivileged()
        programs = redmine_programs()
        self._template: Final = redmine_template(live_folder(environment, self._account), programs, self._account)
        self.port: Final = free_port()
        self.origin: Final = programs.origin
        self._folder: Final = make_folder("redmine", self._account)
        options = ["--bind", f"tcp://{LOOPBACK}:{self.port}", "--threads", "2:8", "--environment", "production"]
        self._server: Final = ServerProcess(
            name="redmine",
            argv=["puma", "--dir", str(self._folder / TREE), *options, "config.ru"],
            environment=redmine_environment(self._folder, programs),
            folder=self._folder,
            account=self._account,
            orderly=signal.SIGTERM,  # finishes what it has begun
            immediate=signal.SIGKILL,
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def database(self) -> Path:
        """The SQLite file, for judges that do not ask the server."""
        return self._folder / TREE / DATABASE

    @property
    def made(self) -> RedmineMade:
        """What the seed made."""
        return self._template.made

    def start(self) -> None:
        """Start on fresh data, and return when it answers. Raises `ServerFailed`."""
        untar(self._template.packed, self._folder, self._account)
        self._serve()

    def stop(self, *, immediate: bool = False) -> None:
        """Stop, in order or as in a crash."""
        self._server.stop(immediate=immediate)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again, with the same data and on the same port."""
        self.stop(immediate=immediate)
        self._serve()

    def close(self) -> None:
        """Stop for good and remove the data."""
        self._server.stop(immediate=True)
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

    def _serve(self) -> None:
        self._server.start()
        try:
            self._server.wait_until(self._answers, _START_SECONDS)
        except BaseException:
            self._server.stop(immediate=True)
            raise

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        try:
            connection.request("GET", "/users/current.json")
            return connection.getresponse().status == http.client.UNAUTHORIZED  # it knows that we sent no key
        except OSError:
            return False
        finally:
            connection.close()
