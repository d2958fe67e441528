"""The store as it would be once what was predicted so far had happened: rows and claims of the plan over its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from adapters.ports.store import Commits
from adapters.ports.turns import Answer, Batch, LaneMessage, Row, Turn
from gateway.rehearsal import Holders
from schemas.bindings import Binding
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey


class Overlay:
    """Port `Commits`, of which it only loads, and `Holders`. `commits` and `holders` are the store."""

    def __init__(self, commits: Commits, holders: Holders) -> None:
        self._commits = commits
        self._holders = holders
        self._rows: dict[ActorKey, Row] = {}
        self._claims: dict[Claim, ActorKey | None] = {}
        """None: given back."""

    def version(self, key: ActorKey) -> int | None:
        """The version that a key would have; None: the plan does not change it."""
        row = self._rows.get(key)
        return None if row is None else row.entity_version

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        """As the store, with what the plan would change."""
        missing = [key for key in keys if key not in self._rows]
        stored = await self._commits.load(missing) if missing else {}
        return {key: self._rows[key] if key in self._rows else stored[key] for key in keys}

    async def holders(self, claims: Collection[Claim]) -> Mapping[Claim, ActorKey]:
        """As the store, with what the plan would claim and give back."""
        missing = [claim for claim in claims if claim not in self._claims]
        stored = await self._holders.holders(missing) if missing else {}
        planned = {claim: self._claims[claim] for claim in claims if claim in self._claims}
        return dict(stored) | {claim: holder for claim, holder in planned.items() if holder is not None}

    async def happen(self, turn: Turn) -> Row:
        """Let a turn be committed; the row after it. Raises `StoreUnavailable`."""
        row = replace(
            turn.row, row_version=turn.row.row_version + 1, entity_version=turn.entity_version, lane=turn.lane,
            cursors=turn.row.cursors if turn.cursors is None else turn.cursors,
        )  # fmt: skip
        if turn.state is not None:
            row = replace(row, state=turn.state, schema=turn.schema)
        if row.entity_version != turn.row.entity_version:
            self._rows[turn.key] = row
        self._claims.update(dict.fromkeys(turn.releases))
        self._claims.update(dict.fromkeys(turn.claims, turn.key))
        for external in turn.binds:
            await self._bind(external, turn.key)
        return row

    async def _bind(self, external: ActorKey, key: ActorKey) -> None:
        row = (await self.load([external]))[external]
        if row.state is not None:
            return  # it means a key already, and no binding is ever rolled back
        state = Binding(entity=key.entity, id=key.id).model_dump_json().encode()
        self._rows[external] = replace(
            row, row_version=row.row_version + 1, entity_version=row.entity_version + 1, state=state
        )
        self._claims[Claim(EXTERNAL, external.id)] = key

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        """A rehearsal is handed its messages."""
        _never()

    async def commit(self, batch: Batch) -> list[Answer]:
        """A rehearsal commits nothing."""
        _never()

    async def resolve(self, batch: Batch) -> list[bool]:
        """A rehearsal commits nothing."""
        _never()


def _never() -> NoReturn:
    raise AssertionError("a rehearsal only loads")
