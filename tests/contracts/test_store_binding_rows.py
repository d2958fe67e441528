"""The contract of bindings as rows: listed in order, filtered, paged, and looked at before an import."""

from __future__ import annotations

import orjson

from adapters.ports.bindings import BindingFilter, External
from schemas.keys import ActorKey
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import applied, message

ANY = BindingFilter()
PSA = External("psa", "project", "4711")
ODD = External("psa", "project", "a/b//c ü")
ERP = External("erp", "project", "9")
CUSTOMER = External("erp", "customer", "9")
ONE, TWO, FIRM = ActorKey("project", "P-1"), ActorKey("project", "P-2"), ActorKey("customer", "C-1")


async def bind(process: Process, key: ActorKey, *externals: External) -> None:
    turn = applied(await process.row(key), message(f"{key} {externals}"))
    turn.binds.extend(external.key for external in externals)
    await process.commit(turn)


async def filled(process: Process) -> None:
    await bind(process, ONE, PSA, ERP)
    await bind(process, TWO, ODD)
    await bind(process, FIRM, CUSTOMER)


async def test_they_are_listed_in_the_order_of_external_ids_with_the_state_of_their_key(process: Process) -> None:
    await filled(process)
    found = await process.bindings.page(ANY, after=None, limit=10)
    assert [(each.external, each.key) for each in found] == [
        (CUSTOMER, FIRM), (ERP, ONE), (PSA, ONE), (ODD, TWO),
    ]  # fmt: skip
    state = (await process.row(ONE)).state
    assert state is not None
    assert [orjson.loads(each.state or b"") for each in found if each.key == ONE] == [orjson.loads(state)] * 2


async def test_they_come_in_pages(process: Process) -> None:
    await filled(process)
    seen, after = [], None
    while page := await process.bindings.page(ANY, after=after, limit=1):
        [bound] = page
        seen.append(bound.external)
        after = bound.external
    assert seen == [CUSTOMER, ERP, PSA, ODD]


async def test_filters_hold_together(process: Process) -> None:
    await filled(process)
    for chosen, expected in (
        (BindingFilter(system="psa"), [PSA, ODD]),
        (BindingFilter(kind="customer"), [CUSTOMER]),
        (BindingFilter(external_id="9"), [CUSTOMER, ERP]),
        (BindingFilter(entity="project"), [ERP, PSA, ODD]),
        (BindingFilter(entity="project", key="P-2"), [ODD]),
        (BindingFilter(system="psa", key="P-1"), [PSA]),
        (BindingFilter(system="crm"), []),
    ):
        found = await process.bindings.page(chosen, after=None, limit=10)
        assert [each.external for each in found] == expected, chosen


async def test_a_look_finds_both_sides(process: Process) -> None:
    await filled(process)
    nobody = ActorKey("project", "P-9")
    known = await process.bindings.look({CUSTOMER, External("erp", "project", "none")}, {ONE, nobody})
    assert [each.external for each in known.bound] == [CUSTOMER, ERP, PSA]
    assert set(known.states) == {ONE}
    nothing = await process.bindings.look(set(), set())
    assert (list(nothing.bound), dict(nothing.states)) == ([], {})


async def test_binding_again_is_no_second_row(process: Process) -> None:
    await bind(process, ONE, PSA)
    await bind(process, ONE, PSA, ERP)
    assert [each.external for each in await process.bindings.page(ANY, after=None, limit=10)] == [ERP, PSA]


async def test_what_somebody_does_is_written_down(store: StoreStand, process: Process) -> None:
    await process.bindings.record("binding.import", actor="ann", reason="wave 1")
    assert await store.acts() == [("ann", "binding.import", "wave 1")]
