"""How far somebody may look and act: some entities, some legal entities, or everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Reach:
    """Kinds of entities (`timesheet`) and codes of legal entities, None: all of them. Both must allow it."""

    entities: frozenset[str] | None = None
    legal_entities: frozenset[str] | None = None

    def covers(self, entity: str, legal_entity: str | None) -> bool:
        """Whether it is within; what belongs to no legal entity is in none of some."""
        return (self.entities is None or entity in self.entities) and (
            self.legal_entities is None or legal_entity in self.legal_entities
        )


EVERYWHERE: Final = Reach()
