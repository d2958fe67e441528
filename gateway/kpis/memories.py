"""What is remembered of a key between its lines, as far as a figure needs what came before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from adapters.ports.kpis import Kept
from schemas.keys import ActorKey


class Memory(BaseModel):
    """Remembered as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @property
    def since(self) -> datetime | None:
        """Since when its key waits for its project; None: it does not."""
        return None


class Deal(Memory):
    """A won deal."""

    won_at: datetime
    """When it came in first."""
    parts: tuple[str, ...] = ()
    """Legal entities that it has parts of."""
    worth: dict[str, Decimal] = {}
    """What it is known to be worth, by currency."""
    opened: tuple[str, ...] = ()
    """Legal entities whose projects were opened."""
    is_touched: bool = False
    """Whether a person has acted on it."""

    @property
    def since(self) -> datetime | None:
        return self.won_at if set(self.parts) - set(self.opened) else None


class Booked(BaseModel):
    """What of a line is booked to be billed, in all."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    legal_entity: str | None
    currency: str | None
    amount: Decimal


class Mended(Memory):
    """What repairs have asked for is no business: it brings a system to what was counted before."""

    repairs: tuple[int, ...] = ()
    """Versions at which a repair was applied."""


class Paper(Mended):
    """A sheet of time or a report of expenses."""

    approvals: dict[int, datetime] = {}
    """Version at which an approval was applied -> when that came in."""
    lines: dict[str, Booked] = {}
    invoices: dict[str, tuple[str, ...]] = {}
    """Line -> the invoices that bill it."""


class Billing(Memory):
    """An invoice."""

    legal_entity: str | None = None
    is_posted: bool = False
    is_refused: bool = False
    is_disputed: bool = False
    has_failed: bool = False
    """Whether a posting was refused or a message of it stood."""


class Way(Memory):
    """A message that has not come to its end."""

    has_waited: bool = False
    has_failed: bool = False


M = TypeVar("M", bound=Memory)


class Memories:
    """What was remembered of keys, and what is now. A key has memories of one kind."""

    def __init__(self, kept: Mapping[ActorKey, bytes]) -> None:
        self._kept = kept
        self._changed: dict[ActorKey, Memory | None] = {}

    def of(self, key: ActorKey, kind: type[M]) -> M | None:
        """What is remembered of a key."""
        if key in self._changed:
            changed = self._changed[key]
            return changed if isinstance(changed, kind) else None
        body = self._kept.get(key)
        return None if body is None else kind.model_validate_json(body)

    def put(self, key: ActorKey, memory: Memory) -> None:
        """Remember this from now on."""
        self._changed[key] = memory

    def forget(self, key: ActorKey) -> None:
        """Remember nothing of it any more."""
        if key in self._changed or key in self._kept:
            self._changed[key] = None

    @property
    def changed(self) -> dict[ActorKey, Kept | None]:
        """What is to be written."""
        return {
            key: None if memory is None else Kept(memory.model_dump_json().encode(), memory.since)
            for key, memory in self._changed.items()
        }


def month_of(day: date) -> str:
    """The month of a day, as `2026-03`."""
    return f"{day:%Y-%m}"
