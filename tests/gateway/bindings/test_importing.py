"""The import: what is new is told to its own actor, and what it did not take is told to whoever imports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import pytest

from adapters.memory.store import MemoryClients, MemoryStore
from adapters.ports.bindings import External
from adapters.ports.turns import Committed
from gateway.bindings.importing import Imported, Importing
from gateway.bindings.match import Match, Terms
from gateway.bindings.rows import Numbered, Row
from gateway.inner import InnerEvent
from schemas.bound import Bound
from tests.contracts.turns import applied, batch, message
from tests.gateway.toy import Ids

TERMS = Terms(systems={"erp", "crm"}, keepers={"US01": {"erp"}})


@dataclass
class Actors:
    """Customers as small as an import needs them: each takes what it is told, but for those that refuse."""

    store: MemoryClients
    refusing: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def deliver(self, event: InnerEvent) -> None:
        key, data = event.key, event.data
        assert isinstance(data, Bound)
        assert (event.source, event.type) == ("tallystick:import", f"{key.entity}.bound.v1")
        self.told.append((key.id, event.id))
        if key.id in self.silent:
            await asyncio.Event().wait()
        if key.id in self.refusing:
            return
        record = {"legal_entity": data.legal_entity, "system": data.system, "external_id": data.external_id}
        turn = applied((await self.store.commits.load([key]))[key], message(event.id))
        turn.state = orjson.dumps({"records": [record]})
        turn.binds.append(External(data.system, data.kind, data.external_id).key)
        assert await self.store.commits.commit(batch(turn)) == [Committed()]


def row(key: str, external_id: str) -> Row:
    return Row(entity="customer", key=key, system="erp", external_id=external_id, legal_entity="US01")


class Desk:
    def __init__(self) -> None:
        self.tables = MemoryStore(lambda: 1000.0)
        self.clients = self.tables.clients()
        self.actors = Actors(self.clients)
        self.importing = Importing(self.clients.bindings, self.actors, Ids(), seconds=0.05)

    async def run(
        self, rows: Mapping[str, str], *, skip_conflicts: bool = False, unknown_keys: bool = True
    ) -> Imported:
        numbered = [Numbered(line, row(key, id_)) for line, (key, id_) in enumerate(rows.items(), 2)]
        terms = Terms(TERMS.systems, TERMS.keepers, unknown_keys)
        return await self.importing.run(numbered, terms, skip_conflicts=skip_conflicts, actor="ann", reason="wave 1")

    @property
    def audit(self) -> list[tuple[str, str, str]]:
        return [(act.actor, act.action, act.reason) for act in self.tables.tables.audit]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_what_is_new_is_told_and_known_after_that(desk: Desk) -> None:
    done = await desk.run({"C-1": "9001", "C-2": "9002"})
    assert (done.is_applied, done.left) == (True, [])
    assert [each.match for each in done.report] == [Match.NEW, Match.NEW]
    # And again: nothing is told a second time
    again = await desk.run({"C-1": "9001", "C-2": "9002", "C-3": "9003"})
    assert [each.match for each in again.report] == [Match.SAME, Match.SAME, Match.NEW]
    assert [key for key, _ in desk.actors.told] == ["C-1", "C-2", "C-3"]


async def test_it_is_audited_before_and_after(desk: Desk) -> None:
    await desk.run({"C-1": "9001"})
    [before, after] = desk.audit
    assert before[:2] == ("ann", "binding.import")
    assert before[2].startswith("wave 1 (rows ")
    assert before[2].endswith(": 1 new)")
    assert after[:2] == ("ann", "binding.import.done")
    assert after[2].endswith(": 1 imported, 0 left)")


async def test_with_a_conflict_nothing_is_told(desk: Desk) -> None:
    await desk.run({"C-1": "9001"})
    done = await desk.run({"C-2": "9001", "C-3": "9003"})
    assert not done.is_applied
    assert [each.match for each in done.report] == [Match.OTHER_KEY, Match.NEW]
    assert [key for key, _ in desk.actors.told] == ["C-1"]
    assert len(desk.audit) == 2


async def test_conflicts_can_be_skipped(desk: Desk) -> None:
    await desk.run({"C-1": "9001"})
    done = await desk.run({"C-2": "9001", "C-3": "9003"}, skip_conflicts=True)
    assert (done.is_applied, done.left) == (True, [])
    assert [key for key, _ in desk.actors.told] == ["C-1", "C-3"]


async def test_what_an_actor_does_not_take_is_left_and_can_be_said_again(desk: Desk) -> None:
    desk.actors.refusing.add("C-1")
    done = await desk.run({"C-1": "9001", "C-2": "9002"})
    assert [(each.line, each.row.key) for each in done.left] == [(2, "C-1")]
    desk.actors.refusing.clear()
    assert (await desk.run({"C-1": "9001", "C-2": "9002"})).left == []
    ids = [UUID(id_) for key, id_ in desk.actors.told if key == "C-1"]
    assert len(set(ids)) == 2


async def test_what_takes_too_long_is_left(desk: Desk) -> None:
    desk.actors.silent.add("C-1")
    done = await desk.run({"C-1": "9001", "C-2": "9002"})
    assert [each.row.key for each in done.left] == ["C-1"]


async def test_keys_that_nobody_heard_of_are_a_conflict_unless_allowed(desk: Desk) -> None:
    done = await desk.run({"C-1": "9001"}, unknown_keys=False)
    assert (done.is_applied, [each.match for each in done.report]) == (False, [Match.KEY_UNKNOWN])
