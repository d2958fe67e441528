"""What processes ack, looked at in that very moment: whether it is durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.memory.tables import Tables
from tests.checker.content import content, raw
from tests.checker.evidence import Ack, Published
from tests.gateway.deliveries import PassedOn


class Blind(Protocol):
    """A process that may not have noticed yet that a channel is gone."""

    @property
    def is_blind(self) -> bool: ...


class Receipts:
    """Acks by all processes. `said` tells by a body's digest what was published."""

    def __init__(self, tables: Tables) -> None:
        self.said: dict[str, Published] = {}
        self.acks: list[Ack] = []
        self._tables = tables
        self._contents: dict[object, str] = {}

    def ack(self, body: bytes) -> None:
        """Somebody acks this."""
        digest = raw(body)
        sent = self.said[digest]
        self.acks.append(Ack(f"{sent.source} {sent.id}", self._is_durable(digest, sent)))

    def _is_durable(self, digest: str, sent: Published) -> bool:
        if sent.is_bad:
            return any(raw(row.letter.body) == digest for row in self._tables.dead_letters.values())
        main = self._tables.identities.get((sent.source, sent.id))
        if main is not None and self.content_of(main) == sent.content:
            return True
        conflicts = (
            ref
            for (source, id), ref in self._tables.identities.items()
            if source == f"conflict:{sent.source}" and id.startswith(f"{sent.id}#")
        )
        return any(self.content_of(ref) == sent.content for ref in conflicts)

    def content_of(self, ref: object) -> str:
        """The content of a row of the inbox."""
        found = self._contents.get(ref)
        if found is None:
            found = self._contents[ref] = content(self._tables.inbox[ref].message.body)  # type: ignore[index]
        return found


@dataclass(frozen=True, slots=True)
class Tapped(PassedOn):
    """A delivery whose ack is looked at; a process that is blind believes in a channel that is gone."""

    process: Blind
    receipts: Receipts

    @property
    def is_live(self) -> bool:
        return self.process.is_blind or self.inner.is_live

    def ack(self) -> None:
        self.receipts.ack(self.inner.body)
        self.inner.ack()
