"""What the seeds have fixed: names that tests say, and passwords of servers on loopback."""

from __future__ import annotations

from typing import Final

LEGAL_ENTITIES: Final = {"US01": "Northwind Consulting Inc", "DE01": "Northwind Beratung GmbH"}
"""Code and name of the party of each company in Tryton."""


def password(login: str) -> str:
    """Of any user of any system: the seeds give all of them by this rule."""
    return f"{login}-Secret-1"
