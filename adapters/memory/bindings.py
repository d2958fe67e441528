"""Bindings as rows, in memory."""

from __future__ import annotations

from collections.abc import Collection

from adapters.memory.checks import bound_to
from adapters.memory.rows import Act
from adapters.memory.tables import Tables
from adapters.ports.bindings import BindingFilter, Bound, External, Known
from schemas.keys import ActorKey


class MemoryBindings:
    """Port `Bindings`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, chosen: BindingFilter, *, after: External | None, limit: int) -> list[Bound]:
        return [
            bound
            for bound in self._all()
            if (after is None or bound.external.key > after.key) and _is_meant(bound, chosen)
        ][:limit]

    async def look(self, externals: Collection[External], keys: Collection[ActorKey]) -> Known:
        wanted, ours = set(externals), set(keys)
        rows = {key: self._tables.row(key) for key in ours}
        return Known(
            [bound for bound in self._all() if bound.external in wanted or bound.key in ours],
            {key: row.state for key, row in rows.items() if row.state is not None},
        )

    async def record(self, action: str, *, actor: str, reason: str) -> None:
        self._tables.record(Act(actor, action, None, None, reason))

    async def close(self) -> None:
        """Nothing to close."""

    def _all(self) -> list[Bound]:
        found = []
        for external in sorted(key for key in self._tables.entities if key.is_external):
            key = bound_to(self._tables, external)
            if key is not None:
                found.append(Bound(External.of(external), key, self._tables.row(key).state))
        return found


def _is_meant(bound: Bound, chosen: BindingFilter) -> bool:
    wanted = (chosen.system, chosen.kind, chosen.external_id, chosen.entity, chosen.key)
    found = (*bound.external, *bound.key)
    return all(asked is None or asked == part for asked, part in zip(wanted, found, strict=True))
