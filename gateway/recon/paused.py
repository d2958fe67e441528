"""Systems that are paused: their books are not read, and no plan asks them."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.ports.gate import GateRow


def paused_by(gates: Sequence[GateRow]) -> dict[str, str]:
    """The systems that an operator has paused, or that refuse our credentials; each with who said so, and why."""
    return {
        row.system: f"{row.system} is paused by {row.paused_by}: {row.pause_reason}"
        for row in gates
        if row.paused_at is not None
    }
