"""Where RabbitMQ's programs are: Debian's folder, or beside a `rabbitmq-server` on the path."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.local.account import Account
from gateway.local.errors import ServerMissing

ADVICE: Final = (
    "RabbitMQ was not found. Do one of these: set TALLYSTICK_AMQP_URL to a broker of your own; or install it "
    "(Debian: apt-get install rabbitmq-server; macOS: brew install rabbitmq; elsewhere see rabbitmq.com/download)."
)

_DEBIAN: Final = Path("/usr/lib/rabbitmq/bin")


@dataclass(frozen=True, slots=True)
class RabbitMQPrograms:
    """The server's script, its control program, Erlang's port mapper, and words on where they are from."""

    server: Path
    control: Path
    port_mapper: Path
    origin: str


def find_rabbitmq(account: Account) -> RabbitMQPrograms:
    """The first installation that `account` can run. Raises `ServerMissing`."""
    port_mapper = shutil.which("epmd")
    if port_mapper is None:
        raise ServerMissing(ADVICE)
    for folder in _installed():
        server = folder / "rabbitmq-server"
        if server.exists() and account.can_run(server) and account.can_run(Path(port_mapper)):
            return RabbitMQPrograms(
                server, folder / "rabbitmqctl", Path(port_mapper), f"{_version(server)} of {folder}"
            )
    raise ServerMissing(ADVICE)


def _installed() -> Iterator[Path]:
    yield _DEBIAN
    on_path = shutil.which("rabbitmq-server")
    # Debian's program on the path is a wrapper that insists on root or on its own account.
    if on_path and Path(on_path).resolve().name == "rabbitmq-server":
        yield Path(on_path).resolve().parent


def _version(server: Path) -> str:
    found = re.search(r"\d+\.\d+\.\d+", str(server.resolve()))
    return f"RabbitMQ {found.group()}" if found else "RabbitMQ"
