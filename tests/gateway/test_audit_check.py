"""Checking a chain, page by page, without a database; and the head as it is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.memory.store import MemoryStore
from adapters.ports.audit import Audit, Head
from adapters.ports.pauses import Scope
from gateway.audit_check import BEGINNING, Finding, Wrong, check_page

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    """A store whose time stands still."""
    return MemoryStore(NOW.timestamp)


@pytest.fixture
async def audit(store: MemoryStore) -> Audit:
    """Five sealed acts."""
    clients = store.clients()
    for place in range(5):
        await clients.pauses.begin(Scope("timesheet", f"T-{place}"), actor="ann", reason="month end")
    assert [await clients.sealing.seal(page=9) for _ in range(2)] == [0, 5]
    return clients.audit


async def check(audit: Audit, most: int, noted: Head | None = None) -> list[Finding]:
    reached, findings, is_last = BEGINNING, list[Finding](), False
    while not is_last:
        report = await check_page(audit, reached, most=most, noted=noted)
        reached, is_last = report.reached, report.is_last
        findings += report.findings
    return findings


@pytest.mark.parametrize("most", [1, 2, 5, 9])
async def test_a_chain_holds_whatever_the_pages(audit: Audit, most: int) -> None:
    head = (await audit.chain()).head
    assert await check(audit, most, head) == []
    assert await check(audit, most, Head(0, bytes(32))) == []


@pytest.mark.parametrize("most", [1, 2, 5, 9])
async def test_each_finding_names_its_act_once(store: MemoryStore, audit: Audit, most: int) -> None:
    tables = store.tables
    tables.audit[1] = replace(tables.audit[1], actor="eve")
    tables.audit[3] = replace(tables.audit[3], reason="another one")
    findings = await check(audit, most)
    assert [(each.wrong, each.id, each.place) for each in findings] == [(Wrong.CHANGED, 2, 2), (Wrong.CHANGED, 4, 4)]
    assert findings[0].says == "act 2 is not what was sealed at place 2: it says pause.begin by eve"


@pytest.mark.parametrize("most", [1, 2, 5, 9])
async def test_a_note_of_another_chain_is_told_once(audit: Audit, most: int) -> None:
    assert [each.place for each in await check(audit, most, Head(3, bytes(32)))] == [3]
    assert [each.wrong for each in await check(audit, most, Head(7, bytes(32)))] == [Wrong.REMOVED]


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(17, bytes(range(32)))
    assert Head.read(str(head)) == head


@pytest.mark.parametrize("text", ["", "17", ":", "17:", "17:00", "x:" + "00" * 32, "-1:" + "00" * 32, "1:" + "zz" * 32])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # fromhex's own words or ours
        Head.read(text)
