"""A Tryton of our own: two databases, `erp` and `crm`, behind one server on loopback and free ports."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from gateway.local.account import unprivileged
from gateway.local.folder import make_folder, remove_folder
from gateway.local.ports import LOOPBACK, free_port
from gateway.local.postgres import LocalPostgres
from gateway.local.process import ServerProcess
from tests.live.made import TrytonMade
from tests.live.place import live_folder
from tests.live.tryton_programs import tryton_programs
from tests.live.tryton_template import ROLES, tryton_environment, tryton_template, unpack, write_configuration

_START_SECONDS: Final = 120.0


class LocalTryton:
    """Fresh copies of the seeded databases, and a server for them. Its calls block (three seconds for a start).

    Built on the first use of a machine, which takes minutes: `make live` does it before the tests. Raises
    `ServerMissing` or `ServerFailed` where that is not possible.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, *, session_seconds: int = 3600) -> None:
        self._account: Final = unprivileged()
        live = live_folder(environment, self._account)
        programs = tryton_programs(live, self._account)
        self._template: Final = tryton_template(live, programs, self._account)
        self.port: Final = free_port()
        self.origin: Final = programs.origin
        self._postgres: Final = LocalPostgres(durable=False)
        self._folder: Final = make_folder("tryton", self._account)
        write_configuration(self._folder / "trytond.conf", self._postgres, session_seconds)
        options = {
            "--bind": f"{LOOPBACK}:{self.port}",
            "--workers": "2",
            "--worker-class": "gthread",
            "--threads": "4",
            "--keep-alive": "30",
            "--worker-tmp-dir": str(self._folder),
        }
        self._server: Final = ServerProcess(
            name="tryton",
            argv=[*programs.serve, *(word for option in options.items() for word in option)],
            # Named here, both are loaded before the server listens: no first caller has to wait for it.
            environment=tryton_environment(self._folder) | {"TRYTOND_DATABASE_NAMES": ",".join(ROLES)},
            folder=self._folder,
            account=self._account,
            orderly=signal.SIGTERM,  # finishes what it has begun
            immediate=signal.SIGKILL,
            grace=40.0,
        )

    @property
    def url(self) -> str:
        """Of the server; `/erp/rpc/` and `/crm/rpc/` below it take JSON-RPC."""
        return f"http://{LOOPBACK}:{self.port}"

    def made(self, role: str) -> TrytonMade:
        """What the seed made in the database `erp` or `crm`."""
        return self._template.made(role)

    def database_url(self, role: str) -> str:
        """Of the PostgreSQL database behind `erp` or `crm`, for judges that do not ask the server."""
        return self._postgres.url.removesuffix("postgres") + role

    def version(self) -> str:
        """The series that the server says that it is of, such as 8.0. Raises `OSError` where it does not answer."""
        body = json.dumps({"id": 0, "method": "common.server.version", "params": []})
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("POST", "/rpc/", body, {"Content-Type": "application/json"})
            return str(json.load(connection.getresponse())["result"])
        finally:
            connection.close()

    def start(self) -> None:
        """Start both servers, and return when Tryton answers. Raises `ServerFailed`."""
        unpack(self._template, self._postgres, self._account)
        self._postgres.start()
        self._serve()

    def stop(self, *, immediate: bool = False) -> None:
        """Stop Tryton, in order or as in a crash; its database stays up."""
        self._server.stop(immediate=immediate)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again, with the same databases and on the same port."""
        self.stop(immediate=immediate)
        self._serve()

    def close(self) -> None:
        """Stop everything for good and remove the data."""
        self._server.stop(immediate=True)
        self._postgres.close()
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
        try:
            return bool(self.version())
        except OSError:
            return False
