"""Free TCP ports on loopback for private servers."""

from __future__ import annotations

import secrets
import socket
from typing import Final

from gateway.local.errors import ServerFailed

LOOPBACK: Final = "127.0.0.1"

_RANGE: Final = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections: a client that reconnects must not sit on the server's."""

_ATTEMPTS: Final = 100

_given: set[int] = set()
"""Ports that this process was given already: whoever has one may not listen on it yet."""


def free_port() -> int:
    """A port that nobody listens on, never the same one twice; at random, so that two processes seldom meet."""
    for _ in range(_ATTEMPTS):
        port = secrets.choice(_RANGE)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise ServerFailed(f"None of {_ATTEMPTS} ports tried between {_RANGE.start} and {_RANGE.stop} is free.")


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on `port` of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
