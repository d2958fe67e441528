"""How far another machine's clock is from ours. Nothing depends on it but what people read, and certificates."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gateway.cli.checks.finding import Finding, Level

FAR: Final = 10.0
"""Seconds."""


def clock(part: str, theirs: datetime, ours: datetime) -> Finding:
    """The finding for what another clock says at this moment."""
    skew = (theirs - ours).total_seconds()
    if abs(skew) < FAR:
        return Finding(part, Level.OK, "its clock agrees with ours")
    direction = "ahead of" if skew > 0 else "behind"
    return Finding(
        part,
        Level.WARN,
        f"its clock is {abs(skew):.0f} s {direction} ours",
        "run a time service on both: times in timelines and logs are wrong, and certificates may be refused",
    )
