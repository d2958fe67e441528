"""Each fault of the sandbox systems: what it does, how often, and that it can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest

from adapters.sandbox.faults import Fault, FaultKind, Faults
from adapters.sandbox.operations import Role
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import CUSTOMER, TOKEN, Caller, Reply, Starting


@pytest.fixture
async def erp(starting: Starting) -> Caller:
    """Without unique references, so that an ignored key shows."""
    return await starting(SandboxSettings(Role.ERP, TOKEN, unique_reference=False))


async def put(erp: Caller, **chosen: str) -> Reply:
    return await erp.post("customer.put", CUSTOMER, **chosen)


async def effects(erp: Caller) -> int:
    return len(await erp.journal())


async def until_effects(erp: Caller, count: int) -> None:
    async with asyncio.timeout(5):
        while await effects(erp) < count:
            pass


async def hits(erp: Caller) -> list[int]:
    return [fault["hits"] for fault in (await erp.ask("GET", "/faults")).json]


async def test_throttle_asks_to_come_back(erp: Caller) -> None:
    await erp.faults({"fault": "throttle", "count": 1, "seconds": 2.5})
    reply = await put(erp)
    assert (reply.status, reply.headers["Retry-After"], await effects(erp)) == (429, "3", 0)
    assert (await put(erp)).status == 201


async def test_error_has_no_effect(erp: Caller) -> None:
    await erp.faults({"fault": "error", "count": 1})
    assert ((await put(erp)).status, await effects(erp)) == (500, 0)
    assert ((await put(erp)).status, await effects(erp)) == (201, 1)


async def test_a_token_may_expire(erp: Caller) -> None:
    await erp.faults({"fault": "token_expired", "count": 1})
    assert ((await put(erp)).status, await effects(erp)) == (401, 0)
    assert ((await put(erp)).status, await effects(erp)) == (201, 1)


async def test_apply_then_500_has_its_effect(erp: Caller) -> None:
    await erp.faults({"fault": "apply_then_500", "count": 1})
    assert ((await put(erp)).status, await effects(erp)) == (500, 1)
    assert ((await put(erp)).status, await effects(erp)) == (201, 1)


async def test_slow_keeps_the_key_in_progress_until_the_effect(erp: Caller) -> None:
    await erp.faults({"fault": "slow", "count": 1, "seconds": 0.1})
    first = asyncio.create_task(put(erp))
    async with asyncio.timeout(5):
        while await hits(erp) == [0]:
            pass
    meanwhile = await put(erp)
    assert (meanwhile.status, meanwhile.json["code"], meanwhile.headers["Retry-After"]) == (409, "in_progress", "1")
    assert await effects(erp) == 0
    assert (await first).json == (await put(erp)).json == {"id": "C-A1"}
    assert await effects(erp) == 1


async def test_slow_makes_its_effect_also_when_the_caller_has_gone(erp: Caller) -> None:
    await erp.faults({"fault": "slow", "count": 1, "seconds": 0.1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await put(erp)
    assert await effects(erp) == 0
    await until_effects(erp, 1)


async def test_late_apply_drops_the_connection_and_applies_later(erp: Caller) -> None:
    await erp.faults({"fault": "late_apply", "count": 1, "seconds": 0.1})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await put(erp)
    assert await effects(erp) == 0
    assert (await erp.look_up("customer.put")).status == 404
    assert (await put(erp)).json["code"] == "in_progress"
    await until_effects(erp, 1)
    assert (await put(erp)).json == {"id": "C-A1"}
    assert await effects(erp) == 1


async def test_down_answers_503_to_everything_but_its_controls(erp: Caller) -> None:
    await erp.faults({"fault": "down", "share": 1})
    for reply in (await put(erp), await erp.look_up("customer.put")):
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert (await erp.ask("GET", "/health")).json == {"status": "ok", "system": "erp", "effects": 0}
    assert await effects(erp) == 0


async def test_down_can_reset_connections(erp: Caller) -> None:
    await erp.faults({"fault": "down", "share": 1, "reset": True})
    with pytest.raises(aiohttp.ClientConnectionError):
        await put(erp)
    with pytest.raises(aiohttp.ClientConnectionError):
        await erp.look_up("customer.put")
    assert await effects(erp) == 0


async def test_an_ignored_key_makes_a_second_effect(erp: Caller) -> None:
    await put(erp)
    await erp.faults({"fault": "ignore_key", "count": 1})
    await put(erp)
    assert [row["idempotency_key"] for row in await erp.journal()] == ["k1", "k1"]
    await put(erp)
    assert await effects(erp) == 2


async def test_a_unique_reference_holds_also_where_the_key_is_ignored(starting: Starting) -> None:
    erp = await starting(SandboxSettings(Role.ERP, TOKEN))
    await erp.faults({"fault": "ignore_key", "share": 1})
    await put(erp)
    reply = await put(erp)
    assert (reply.status, reply.json["code"], reply.json["id"]) == (409, "reference_exists", "C-A1")
    assert await effects(erp) == 1


async def test_an_ignored_key_goes_with_another_fault(erp: Caller) -> None:
    await erp.faults({"fault": "ignore_key", "share": 1}, {"fault": "apply_then_500", "share": 1})
    assert [(await put(erp)).status for _ in range(3)] == [500, 500, 500]
    assert await effects(erp) == 3
    assert await hits(erp) == [3, 3]


async def test_late_effects_with_an_ignored_key_both_land(erp: Caller) -> None:
    late = {"fault": "late_apply", "share": 1, "seconds": 0.05}
    await erp.faults({"fault": "ignore_key", "share": 1}, late)
    for _ in range(2):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await put(erp)
    await until_effects(erp, 2)


async def test_a_count_ends_and_an_operation_limits(erp: Caller) -> None:
    await erp.faults({"fault": "error", "count": 2, "operation": "customer.put"})
    other = await erp.post(
        "project.create", {"project_id": "E1", "customer": "C", "legal_entity": "D", "currency": "E"}
    )
    assert other.status == 422
    statuses = [(await put(erp)).status for _ in range(3)]
    assert (statuses, await hits(erp)) == ([500, 500, 201], [2])


async def test_what_is_refused_has_no_effect_until_it_is_taken(erp: Caller) -> None:
    await erp.faults({"fault": "refuse", "share": 1, "seconds": 0})
    reply = await put(erp)
    assert (reply.status, reply.json["code"], await effects(erp)) == (422, "refused", 0)
    await erp.ask("DELETE", "/faults")
    assert ((await put(erp)).status, await effects(erp)) == (201, 1)


async def test_a_key_limits(erp: Caller) -> None:
    await erp.faults({"fault": "refuse", "share": 1, "seconds": 0, "key": "customer/A1"})
    others = await put(erp, key="k2", reference="customer/A2/profile/1")
    mine = await put(erp, reference="customer/A1/profile/1")
    assert (others.status, mine.status, await hits(erp)) == (201, 422, [1])


async def test_new_faults_replace_the_old_and_delete_clears(erp: Caller) -> None:
    await erp.faults({"fault": "error", "share": 1})
    reply = await erp.faults({"fault": "throttle", "share": 1})
    assert [(fault["fault"], fault["hits"]) for fault in reply.json] == [("throttle", 0)]
    assert (await put(erp)).status == 429
    assert (await erp.ask("DELETE", "/faults")).status == 204
    assert ((await erp.ask("GET", "/faults")).json, (await put(erp)).status) == ([], 201)


def struck(share: float, seed: int) -> list[bool]:
    faults = Faults()
    faults.replace([Fault(fault=FaultKind.ERROR, share=share, seed=seed)])
    return [faults.draw("customer.put", {"customer/A1"}, {FaultKind.ERROR}) is not None for _ in range(2000)]


def test_a_share_is_drawn_from_its_seed() -> None:
    assert struck(0.2, seed=1) == struck(0.2, seed=1)
    assert struck(0.2, seed=1) != struck(0.2, seed=2)
    assert 300 < sum(struck(0.2, seed=1)) < 500
    assert all(struck(1.0, seed=1))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "explode", "count": 1}, "throttle"),
        ({"fault": "error"}, "either share"),
        ({"fault": "error", "share": 0.5, "count": 1}, "either share"),
        ({"fault": "error", "share": 1.5}, "share"),
        ({"fault": "error", "share": 0}, "share"),
        ({"fault": "error", "count": 0}, "count"),
        ({"fault": "error", "count": "many"}, "count"),
        ({"fault": "slow", "count": 1, "seconds": 11}, "less than or equal to 10"),
        ({"fault": "error", "count": 1, "when": "now"}, "when"),
        ({"fault": "error", "count": 1, "operation": "project.put"}, "customer.put, project.create"),
    ],
)
async def test_a_fault_that_cannot_be_says_what_to_change(erp: Caller, fault: Mapping[str, object], says: str) -> None:
    await erp.faults({"fault": "throttle", "share": 1})
    reply = await erp.faults(fault)
    assert (reply.status, reply.json["code"]) == (422, "invalid_fault")
    assert says in reply.json["detail"]
    assert [active["fault"] for active in (await erp.ask("GET", "/faults")).json] == ["throttle"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"not json", b'["error"]'])
async def test_what_is_no_list_of_faults_is_refused(erp: Caller, raw: bytes) -> None:
    reply = await erp.ask("POST", "/faults", raw=raw)
    assert (reply.status, reply.json["code"]) == (422, "invalid_fault")
