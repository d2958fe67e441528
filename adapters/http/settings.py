"""What has to be known of an HTTP+JSON system: where it is, how it is asked, what it promises per operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from adapters.ports.system import Capability


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """Where commands of one operation are posted and looked up, and what the system promises for them.

    `path` is absolute and comes after the system's base URL: `/billables`.
    """

    path: str
    capability: Capability

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or not self.path.isprintable() or any(mark in self.path for mark in " ?#"):
            raise ValueError(f"path {self.path!r} must start with / and have no space, query, or fragment")


@dataclass(frozen=True, slots=True)
class HttpSystemSettings:
    """One HTTP+JSON system. Raises ValueError, naming what to change, if it cannot work.

    `timeout` and `connect_timeout` are seconds: for a whole attempt, and for getting a connection. `read_cap` is the
    most bytes of an answer that are read, counted after decompression. `connections` bounds the pool.
    `retry_after_cap` is the longest wait in seconds that the system may ask for.
    """

    name: str
    url: str
    token: str = field(repr=False)
    operations: Mapping[str, HttpOperation]
    timeout: float = 30.0
    connect_timeout: float = 5.0
    read_cap: int = 1 << 20
    connections: int = 64
    retry_after_cap: float = 300.0

    def __post_init__(self) -> None:
        url = URL(self.url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"system {self.name}: the URL must start with http:// or https:// and name a host")
        if url.user is not None or url.password is not None or url.query_string or url.fragment:
            raise ValueError(f"system {self.name}: the URL must carry no user, password, query, or fragment")
        if not self.token or not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise ValueError(f"system {self.name}: the token must be printable ASCII without spaces, and not empty")
        if not 0 < self.connect_timeout <= self.timeout:
            raise ValueError(f"system {self.name}: connect_timeout must be above 0 and at most timeout")
        if self.read_cap < 1 or self.connections < 1 or self.retry_after_cap < 0:
            raise ValueError(f"system {self.name}: read_cap and connections must be above 0, retry_after_cap not below")
