"""Which types of events each source sends, on both stores."""

from __future__ import annotations

from typing import Final

import orjson

from adapters.ports.schema_uses import Use
from tests.contracts.store_stands import Process, StoreStand

OLD: Final = Use("urn:crm", "project.opportunity_won.v1", 3, "project.opportunity_won.v2")
NEW: Final = Use("urn:crm", "project.opportunity_won.v2", 5)
DAY: Final = 86_400.0


async def seen(process: Process) -> list[tuple[str, str, int, bool]]:
    rows = await process.schema_uses.page(after=None, limit=9)
    return [(row.source, row.type, row.seen, row.told_at is not None) for row in rows]


async def told(process: Process) -> list[dict[str, object]]:
    """Notices that are told now, and not again."""
    rows = await process.notices.pending(limit=99)
    await process.notices.published([row.id for row in rows])
    assert {row.routing_key for row in rows} <= {"schema.deprecated"}
    return [orjson.loads(row.body) for row in rows]


async def test_uses_add_up_over_processes(store: StoreStand, process: Process) -> None:
    await process.schema_uses.add([NEW, Use("urn:psa", "timesheet.approved.v1", 1)])
    await store.process().schema_uses.add([Use("urn:psa", "timesheet.approved.v1", 2)])
    assert await seen(process) == [
        ("urn:crm", NEW.type, 5, False), ("urn:psa", "timesheet.approved.v1", 3, False),
    ]  # fmt: skip
    assert await told(process) == []


async def test_a_source_of_a_deprecated_type_is_told_once_a_week(store: StoreStand, process: Process) -> None:
    await process.schema_uses.add([NEW, OLD])
    [notice] = await told(process)
    assert notice.pop("first_at")
    assert notice == {"source": "urn:crm", "type": OLD.type, "instead": OLD.instead, "seen": 3}
    await process.schema_uses.add([OLD])
    await store.pass_time(6 * DAY)
    await process.schema_uses.add([OLD])
    assert await told(process) == []
    await store.pass_time(2 * DAY)
    await process.schema_uses.add([OLD, Use("urn:psa", OLD.type, 1, OLD.instead)])
    assert [(notice["source"], notice["seen"]) for notice in await told(process)] == [("urn:crm", 12), ("urn:psa", 1)]
    assert (await seen(process))[0] == ("urn:crm", OLD.type, 12, True)


async def test_pages(process: Process) -> None:
    await process.schema_uses.add([Use(f"urn:{name}", "timesheet.approved.v1", 1) for name in "cab"])
    first = await process.schema_uses.page(after=None, limit=2)
    rest = await process.schema_uses.page(after=(first[-1].source, first[-1].type), limit=2)
    assert [row.source for row in (*first, *rest)] == ["urn:a", "urn:b", "urn:c"]
