"""Starting and ending sandbox systems, and the table that the gateway's policy is made from."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from adapters.sandbox.operations import KEY_WINDOW, LATE_BOUND, OPERATIONS, Role, operations_of
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import PROJECT, TOKEN, Caller


async def test_three_systems_are_served_on_loopback_under_their_names() -> None:
    settings = [SandboxSettings(role, TOKEN) for role in Role]
    async with serve_sandboxes(settings) as urls:
        assert list(urls) == ["crm", "psa", "erp"]
        for name, url in urls.items():
            assert url.startswith("http://127.0.0.1:")
            async with aiohttp.ClientSession(url) as client:
                assert (await Caller(client).ask("GET", "/health")).json["system"] == name
    async with aiohttp.ClientSession() as client:
        for url in urls.values():
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.get(url)


async def test_a_given_port_is_taken_or_refused() -> None:
    async with serve_sandboxes([SandboxSettings(Role.CRM, TOKEN)]) as urls:
        port = int(urls["crm"].rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            await serve_sandboxes([SandboxSettings(Role.PSA, TOKEN, port=port)]).__aenter__()
    async with serve_sandboxes([SandboxSettings(Role.PSA, TOKEN, port=port)]) as urls:
        assert urls == {"psa": f"http://127.0.0.1:{port}"}


async def test_systems_of_one_role_need_names() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        await serve_sandboxes([SandboxSettings(Role.ERP, TOKEN)] * 2).__aenter__()
    named = [SandboxSettings(Role.ERP, TOKEN, name=name) for name in ("old", "new")]
    async with serve_sandboxes(named) as urls:
        assert set(urls) == {"old", "new"}


async def test_closing_does_not_wait_for_late_effects() -> None:
    started = asyncio.get_running_loop().time()
    async with (
        serve_sandboxes([SandboxSettings(Role.PSA, TOKEN)]) as urls,
        aiohttp.ClientSession(urls["psa"]) as client,
    ):
        psa = Caller(client)
        await psa.faults({"fault": "late_apply", "count": 1, "seconds": 10})
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await psa.post("project.put", PROJECT)
    assert asyncio.get_running_loop().time() - started < 5


def test_settings_do_not_show_the_token() -> None:
    assert TOKEN not in repr(SandboxSettings(Role.ERP, TOKEN))


def test_the_table_is_what_the_policy_needs() -> None:
    assert [(each.name, each.role.value, each.path) for each in OPERATIONS] == [
        ("customer.put", "erp", "/customers"),
        ("project.create", "erp", "/projects"),
        ("assignment.put", "erp", "/assignments"),
        ("project.cancel", "erp", "/project-cancellations"),
        ("contract.put", "erp", "/contracts"),
        ("contract.cancel", "erp", "/contract-cancellations"),
        ("billable.post", "erp", "/billables"),
        ("billable.reverse", "erp", "/reversals"),
        ("expense.post", "erp", "/expenses"),
        ("expense.reverse", "erp", "/expense-reversals"),
        ("cost.post", "erp", "/costs"),
        ("cost.reverse", "erp", "/cost-reversals"),
        ("milestone.bill", "erp", "/milestone-billings"),
        ("invoice.post", "erp", "/invoices"),
        ("project.put", "psa", "/projects"),
        ("project.withdraw", "psa", "/project-withdrawals"),
        ("receivable.put", "psa", "/receivables"),
        ("project.link", "crm", "/project-links"),
        ("milestone.put", "crm", "/milestones"),
        ("delivery.put", "crm", "/deliveries"),
        ("invoice.put", "crm", "/invoices"),
        ("forecast.put", "crm", "/forecasts"),
        ("workspace.create", "crm", "/workspaces"),
        ("workspace.archive", "crm", "/workspace-archivals"),
    ]
    for role in Role:
        paths = [each.path for each in operations_of(role)]
        assert len(set(paths)) == len(paths) > 0
    for each in OPERATIONS:
        promise = each.capability
        assert promise.look_up
        assert promise.unique_reference == (each.role is Role.ERP)
        assert (promise.key_window, promise.late_bound) == (KEY_WINDOW, LATE_BOUND)


def test_a_key_outlives_every_late_effect() -> None:
    assert KEY_WINDOW > 100 * LATE_BOUND
