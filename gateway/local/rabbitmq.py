"""A RabbitMQ node of our own: on loopback and free ports, with a port mapper and data of its own."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from gateway.local.account import unprivileged
from gateway.local.definitions import GUEST, BrokerUser, definitions
from gateway.local.folder import make_folder, remove_folder
from gateway.local.found import Found
from gateway.local.ports import LOOPBACK, free_port, is_listening
from gateway.local.process import ServerProcess, run_program
from gateway.local.rabbitmq_programs import find_rabbitmq

AMQP_URL: Final = "TALLYSTICK_AMQP_URL"

_START_SECONDS: Final = 120.0
_CONTROL_SECONDS: Final = 60.0
_ERLANG: Final = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"


@asynccontextmanager
async def rabbitmq(environment: Mapping[str, str], users: Sequence[tuple[str, str]] = ()) -> AsyncIterator[Found]:
    """The broker that the environment names, else a private node with `users` (name, password) while the context lasts.

    Raises `ServerMissing` where there is neither, and `ServerFailed` where a private one does not start.
    """
    if url := environment.get(AMQP_URL):
        yield Found(url, AMQP_URL)
        return
    node = await asyncio.to_thread(LocalRabbitMQ, users=users)
    try:
        await asyncio.to_thread(node.start)
        yield Found(node.url, node.origin)
    finally:
        await asyncio.to_thread(node.close)


class LocalRabbitMQ:
    """A private node. Its calls block (four seconds for a start); from a loop use `asyncio.to_thread`.

    User `guest` and those of `users` may do everything in the virtual host `/` and in each of `vhosts`.
    """

    def __init__(self, *, users: Sequence[tuple[str, str]] = (), vhosts: Sequence[str] = ()) -> None:
        self._account: Final = unprivileged()
        self._programs: Final = find_rabbitmq(self._account)
        self._users: Final = [GUEST, *(BrokerUser(*user) for user in users)]
        self.port: Final = free_port()
        self.origin: Final = f"a private node of {self._programs.origin}"
        self._folder: Final = make_folder("rabbitmq", self._account)
        self._environment: Final = _environment(self._folder)
        self._write_configuration(["/", *vhosts])
        self._port_mapper: Final = ServerProcess(
            name="epmd",
            argv=[str(self._programs.port_mapper), "-port", self._environment["ERL_EPMD_PORT"], "-address", LOOPBACK],
            environment=self._environment,
            folder=self._folder,
            account=self._account,
            orderly=signal.SIGTERM,
            immediate=signal.SIGKILL,
        )
        self._node: Final = ServerProcess(
            name="rabbitmq",
            argv=[str(self._programs.server)],
            environment=self._environment,
            folder=self._folder,
            account=self._account,
            orderly=signal.SIGTERM,
            immediate=signal.SIGKILL,
            grace=60.0,
        )

    @property
    def url(self) -> str:
        """For guest, in the virtual host `/`."""
        return self.url_for(*GUEST)

    def url_for(self, user: str, password: str, vhost: str = "/") -> str:
        """For a user of this node, in one of its virtual hosts."""
        return (
            f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{quote(vhost, safe='')}"
        )

    def start(self) -> None:
        """Start, on the same port and data each time, and return when it takes connections. Raises `ServerFailed`."""
        try:
            if not is_listening(int(self._environment["ERL_EPMD_PORT"])):
                self._port_mapper.start()
                self._port_mapper.wait_until(self._is_mapping, _START_SECONDS)
            self._node.start()
            self._node.wait_until(lambda: is_listening(self.port), _START_SECONDS)
        except BaseException:
            self._node.stop(immediate=True)
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the node and wait until it is gone: in order, or as in a crash. Its port mapper stays.

        A quorum queue that a crash meets within a second of its declaration never elects a leader again on RabbitMQ
        3.10: every publish to it is nacked.
        """
        self._node.stop(immediate=immediate)

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start again."""
        self.stop(immediate=immediate)
        self.start()

    def close(self) -> None:
        """Stop node and port mapper for good and remove the data."""
        self._node.stop(immediate=True)
        self._port_mapper.stop(immediate=True)
        remove_folder(self._folder)

    def add_vhosts(self, vhosts: Sequence[str]) -> None:
        """Add virtual hosts, open to all users, while the node runs: a second or two for any number of them."""
        self.load(definitions(self._users, vhosts))

    def load(self, document: str) -> None:
        """Take `definitions` over while the node runs. Raises `ServerFailed`."""
        path = self._folder / "more.json"
        path.write_text(document)
        self._account.own(path)
        self.control("import_definitions", str(path))

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` prints for `arguments`. Raises `ServerFailed` with its words when it fails."""
        return run_program(
            [str(self._programs.control), *arguments],
            environment=self._environment,
            folder=self._folder,
            account=self._account,
            seconds=_CONTROL_SECONDS,
        )

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

    def _is_mapping(self) -> bool:
        return is_listening(int(self._environment["ERL_EPMD_PORT"]))

    def _write_configuration(self, vhosts: Sequence[str]) -> None:
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        plugins = self._folder / "enabled_plugins"
        plugins.write_text("[].\n")
        loaded = self._folder / "definitions.json"
        loaded.write_text(definitions(self._users, vhosts))
        configuration = self._folder / "rabbitmq.conf"
        configuration.write_text(f"listeners.tcp.1 = {LOOPBACK}:{self.port}\nload_definitions = {loaded}\n")
        self._account.own(cookie, plugins, loaded, configuration)


def _environment(folder: Path) -> dict[str, str]:
    """All that decides where a node keeps its things and listens, so that no other RabbitMQ of the machine is met."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_NODENAME": "tallystick@localhost",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        "RABBITMQ_CTL_ERL_ARGS": _ERLANG,
        # Its script then becomes the node instead of waiting beside it: signals and exit are the node's own.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
