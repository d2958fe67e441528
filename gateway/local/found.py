"""A server that was found or started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """Where to reach a server, and words on what it is: `a private PostgreSQL 15.18 of /usr/lib/postgresql/15/bin`."""

    url: str
    origin: str
