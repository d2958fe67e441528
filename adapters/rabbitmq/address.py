"""Where the broker is: an AMQP URL, checked once, and never shown with its password."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

HEARTBEAT: Final = 5
"""Seconds. The broker gives a silent process up after two to three of them, so that a stand-by gets its queues; we give
the broker up after about four. A stall of the event loop of 5 s costs nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """An AMQP URL with our defaults filled in. `user` is who the broker takes us for."""

    url: str = field(repr=False)
    user: str
    name: str
    """Scheme, host, port, and vhost, for people."""

    def __str__(self) -> str:
        return self.name


def parse_address(url: str) -> Address:
    """Check `amqp[s]://user:password@host:port/vhost?…`; raises `ValueError` without repeating the password.

    TLS is verified: `no_verify_ssl` is refused unless the broker is on loopback.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ValueError("the broker's URL must look like amqp://user:password@host:5672/vhost, or amqps:// with TLS")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if query.get("no_verify_ssl", "0") != "0" and not is_loopback(parts.hostname):
        raise ValueError("no_verify_ssl is allowed for a broker on loopback only; name its authority with cafile=…")
    query.setdefault("heartbeat", str(HEARTBEAT))
    return Address(
        url=parts._replace(query=urlencode(query)).geturl(),
        user=unquote(parts.username or "guest"),
        name=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
    )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
