"""For random histories, billed totals and every figure are what an oracle says that has never seen our code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ports.kpis import Period
from gateway.kpis.figures import FIGURES, MONTHS, STOCKS, figures_of
from gateway.kpis.follower import count_all
from tests.oracle import oracle
from tests.oracle.history import STEPS, History, Step
from tests.oracle.stage import Stage
from tests.runtime.virtual import run

ALWAYS: Final = Period(date(2026, 1, 1), date(2027, 1, 1))


async def counted(stage: Stage) -> dict[str, Any]:
    """Every figure as the gateway counts it."""
    clients = stage.firm.store.clients()
    await count_all(clients.books, most=7)
    found = figures_of(await clients.kpis.sums(ALWAYS, stocks=STOCKS, months=MONTHS))
    return {name: [(each.value, each.of, each.currency) for each in values] for name, values in found.items()}


def check_figures(found: dict[str, Any], stage: Stage) -> None:
    """Each figure is the oracle's."""
    expected = oracle.figures(stage.rows(), stage.cases())
    for figure in FIGURES:
        if figure.unit == "money":
            money = {currency: value for value, _, currency in found[figure.name] if value}
            assert money == {each: value for each, value in expected.money[figure.name].items() if value}, figure.name
        else:
            assert found[figure.name] == [(*expected.values[figure.name], None)], figure.name


async def check_rebuild(found: dict[str, Any], stage: Stage) -> None:
    """Counted anew, sums and memories are the same."""
    sums = stage.firm.store.tables.sums
    before, kept = dict(sums.added), {key: orjson.loads(each.body) for key, each in sums.kept.items()}
    await stage.firm.store.clients().books.restart(since=None)
    assert await counted(stage) == found
    assert sums.added == before
    assert {key: orjson.loads(each.body) for key, each in sums.kept.items()} == kept


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), STEPS)
def test_the_oracle_agrees_with_billed_totals_and_every_figure(seed: int, steps: Sequence[Step]) -> None:
    async def story() -> None:
        # Given a history of approvals, corrections, change orders, replays, and duplicates
        stage = Stage(seed)
        await stage.firm.open(gateways=1)
        await History(stage).play(steps)
        # Then what the ERP has booked, and what is counted as billed, is what the events come to
        firm = oracle.Firm()
        for each in stage.said:
            firm.hear(each)
        found = await counted(stage)
        billed = {currency: value for value, _, currency in found["billed"]}
        assert (stage.journal(), billed.get("EUR", Decimal(0))) == (firm.total(), firm.total())
        # And every figure is what the oracle makes of the rows, also counted anew
        check_figures(found, stage)
        await check_rebuild(found, stage)
        stage.firm.check_alive()
        for gateway in stage.firm.gateways:
            assert await gateway.runtime.drain(30)

    run(story())


def test_the_oracle_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert {module.partition(".")[0] for module in modules} <= {
        "__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "typing",
    }  # fmt: skip
