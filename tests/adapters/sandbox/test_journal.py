"""The journal: its rows, its pages, and what of it outlives the process."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from pathlib import Path
from typing import Final

import aiohttp
import orjson
import pytest
from pydantic import ValidationError

from adapters.sandbox.journal import Effect, Journal, Line
from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import BILLABLE, CUSTOMER, PROJECT, TOKEN, Caller, Starting

ROOT: Final = Path(__file__).parents[3]
PROGRAM: Final = """
import asyncio, sys
from pathlib import Path
from adapters.sandbox.operations import Role
from adapters.sandbox.serve import run
from adapters.sandbox.settings import SandboxSettings
settings = SandboxSettings(Role.ERP, "sandbox-token", journal_file=Path(sys.argv[1]))
asyncio.run(run([settings], lambda urls: print(urls["erp"], flush=True)))
"""


async def test_a_row_has_the_whole_effect(starting: Starting) -> None:
    erp = await starting(SandboxSettings(Role.ERP, TOKEN, name="erp-legacy"))
    await erp.ready_for_billing()
    await erp.post("billable.post", BILLABLE, key="k9", reference="timesheet/S%2F1/L1/2")
    customer, _, billable = await erp.journal()
    assert billable == {
        "seq": 3,
        "system": "erp-legacy",
        "operation": "billable.post",
        "key": "timesheet/S/1",
        "idempotency_key": "k9",
        "body_hash": hashlib.sha256(orjson.dumps(dict(BILLABLE))).hexdigest(),
        "legal_entity": "DE01",
        "amount": "1200.50",
        "currency": "EUR",
        "reference": "timesheet/S%2F1/L1/2",
        "at": "2026-11-20T10:00:00+00:00",
        "shown": None,
    }
    assert (customer["amount"], customer["currency"]) == (None, None)


async def test_what_is_shown_of_an_invoice_stands_in_the_row_and_moves_no_money(starting: Starting) -> None:
    crm = await starting(SandboxSettings(Role.CRM, TOKEN))
    figures = {"total": "119.00", "paid": "100.00", "credited": "0", "written_off": "0", "open": "19.00"}
    place = {"invoice_id": "INV-1", "customer_id": "A1", "legal_entity": "DE01", "currency": "EUR"}
    await crm.post("invoice.put", place | figures | {"status": "partly_paid"}, reference="invoice/INV-1/s/1")
    await crm.post("invoice.put", {"invoice_id": "INV-2", "customer_id": "A1"}, key="k2", reference="invoice/INV-2/s/1")
    whole, bare = await crm.journal()
    assert (whole["shown"], whole["amount"]) == (figures, None)
    assert (whole["legal_entity"], whole["currency"]) == ("DE01", "EUR")
    assert bare["shown"] == {}


async def test_pages_follow_the_sequence(starting: Starting) -> None:
    psa = await starting(SandboxSettings(Role.PSA, TOKEN))
    for number in range(5):
        await psa.post("project.put", PROJECT, key=f"k{number}")
    assert [row["seq"] for row in await psa.journal()] == [1, 2, 3, 4, 5]
    assert [row["seq"] for row in await psa.journal("?after=1&limit=2")] == [2, 3]
    assert [row["seq"] for row in await psa.journal("?after=4")] == [5]
    assert await psa.journal("?after=99") == await psa.journal("?limit=0") == []
    for query in ("after=-1", "limit=x", "after=1e3", "after=\u0661"):
        assert (await psa.ask("GET", f"/journal?{query}")).status == 400


def line(seq: int) -> Line:
    effect = Effect(seq, "erp", "billable.post", "e/1", f"k{seq}", "0" * 64, None, "1.00", "EUR", f"e/{seq}/l/1", "now")
    return Line(effect, f"B-{seq}")


def test_a_page_costs_what_it_holds() -> None:
    journal = Journal(None)
    for seq in range(1, 120_001):
        journal.append(line(seq))
    [last] = orjson.loads(journal.page(119_999, 1))
    assert (len(journal), last["seq"]) == (120_000, 120_000)


async def test_the_file_brings_back_everything(starting: Starting, tmp_path: Path) -> None:
    settings = SandboxSettings(Role.ERP, TOKEN, journal_file=tmp_path / "erp.jsonl")
    async with serve_sandboxes([settings]) as urls, aiohttp.ClientSession(urls["erp"]) as client:
        before = Caller(client)
        await before.ready_for_billing()
        await before.post("billable.post", BILLABLE)
        rows = await before.journal()
    erp = await starting(settings)
    assert await erp.journal() == rows
    assert (await erp.post("billable.post", BILLABLE)).json == {"id": "B-3"}
    assert (await erp.post("billable.post", BILLABLE, key="k2")).json["code"] == "reference_exists"
    assert (await erp.look_up("billable.post")).json == {"id": "B-3"}
    reversal = dict(BILLABLE) | {"reverses": "e/1/l/1"}
    assert (await erp.post("billable.reverse", reversal, key="k3", reference="e/1/l/2")).json == {"id": "R-4"}
    assert len(await erp.journal()) == 4


def test_a_line_cut_short_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "erp.jsonl"
    first = Journal(path)
    assert list(first.open()) == []
    first.append(line(1))
    first.append(line(2))
    first.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    second = Journal(path)
    assert list(second.open()) == [line(1)]
    second.append(line(2))
    second.close()
    assert path.read_bytes() == whole


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("milk\nbread\n")
    with pytest.raises(ValidationError):
        list(Journal(path).open())
    assert path.read_text() == "milk\nbread\n"


async def test_a_killed_process_loses_no_answered_effect(tmp_path: Path) -> None:
    path = tmp_path / "erp.jsonl"
    for run in (1, 2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
            async with aiohttp.ClientSession(url) as client:
                erp = Caller(client)
                for number in range(3):
                    reply = await erp.post(
                        "customer.put", CUSTOMER, key=f"{run}-{number}", reference=f"c/{run}/{number}/1"
                    )
                    assert reply.status == 201
                assert [row["seq"] for row in await erp.journal()] == list(range(1, 3 * run + 1))
            process.send_signal(signal.SIGKILL if run == 1 else signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == (-signal.SIGKILL if run == 1 else 0)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
