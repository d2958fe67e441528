"""What a store in memory knows of its past: the watermark, and restores."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from adapters.ports.restores import Found, Phase, Restore
from schemas.keys import ActorKey


@dataclass(slots=True)
class Past:
    """The watermark, the server that it was raised on, and all restores.

    `keys` had something open when a restore ended.
    """

    counter: int = 0
    raised_at: float = 0.0
    epoch: UUID = field(default_factory=uuid4)
    server: int = 1
    this_server: int = 1
    restores: list[Restore] = field(default_factory=list)
    keys: dict[ActorKey, set[int]] = field(default_factory=dict)

    @property
    def open(self) -> Restore | None:
        """The restore that is not ended."""
        return next((each for each in self.restores if each.phase is not Phase.ENDED), None)

    def went_back(self, remembered: int, epoch: UUID | None) -> Found | None:
        """How it is seen, for one who remembers this counter, and this epoch if there is one."""
        if self.counter < remembered:
            return Found.WATERMARK
        if self.server != self.this_server:
            return Found.SERVER
        return Found.EPOCH if epoch is not None and epoch != self.epoch else None

    def may_send(self, remembered: int, epoch: UUID | None) -> bool:
        """Whether commands may be claimed."""
        is_held = self.open is not None and self.open.phase is Phase.HELD
        return not is_held and self.went_back(remembered, epoch) is None

    def of(self, keys: set[ActorKey]) -> list[Restore]:
        """The restores that are not over for one who goes by these keys."""
        over = {id for key in keys for id in self.keys.get(key, ())}
        return [each for each in self.restores if each.ended_at is None or each.id in over]
