"""For random histories, billed totals and every figure are what an oracle says that has never seen our code."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ports.kpis import Added, Period
from gateway.kpis.figures import FIGURES, MONTHS, STOCKS, figures_of
from gateway.kpis.follower import count_all
from gateway.kpis.measures import Measure
from tests.oracle import firm as rules
from tests.oracle import oracle
from tests.oracle.facts import CURRENCIES, ROUNDING
from tests.oracle.history import RICH, STEPS, History, Step
from tests.oracle.stage import Stage
from tests.oracle.wrong import MISTAKES
from tests.runtime.virtual import run

ONCE: Final = {Measure.WORK_MONTHS}
"""What is there or not, however often it is counted."""
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


async def check_legal_entities(stage: Stage) -> None:
    """Each legal entity has its own money, in its own currency."""
    expected = oracle.figures(stage.rows(), stage.cases()).money
    for code, currency in CURRENCIES.items():
        sums = await stage.firm.store.clients().kpis.sums(replace(ALWAYS, legal_entity=code), stocks=STOCKS)
        for name in ("billed", "wip"):
            found = {each.currency: each.value for each in figures_of(sums)[name] if each.value}
            assert found == {each: value for each, value in expected[name].items() if value and each == currency}, name


async def check_rebuild(found: dict[str, Any], stage: Stage) -> None:
    """Counted anew, sums and memories are the same."""
    sums = stage.firm.store.tables.sums
    before, kept = dict(sums.added), {key: orjson.loads(each.body) for key, each in sums.kept.items()}
    await stage.firm.store.clients().books.restart(since=None)
    assert await counted(stage) == found
    assert sums.added == before
    assert {key: orjson.loads(each.body) for key, each in sums.kept.items()} == kept


async def played(steps: Sequence[Step], stage: Stage) -> Stage:
    """A stage on which a history came to its end."""
    await stage.firm.open(gateways=1)
    await History(stage).play(steps)
    return stage


async def closed(stage: Stage) -> None:
    """Nothing has broken, and all processes end."""
    stage.firm.check_alive()
    assert "internal" not in {case.failure_class for case in stage.cases()}
    for gateway in stage.firm.gateways:
        assert await gateway.runtime.drain(30)


def check_billed(stage: Stage) -> None:
    """What the ERP has booked is what the events come to, by currency."""
    firm = rules.Firm(ROUNDING)
    for each in stage.said:
        firm.hear(each)
    assert stage.journal() == firm.totals()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), STEPS)
def test_the_oracle_agrees_with_billed_totals_and_every_figure(seed: int, steps: Sequence[Step]) -> None:
    async def story() -> None:
        # Given a history of time, expenses, and milestones in two currencies: approvals, corrections, duplicates
        stage = await played(steps, Stage(seed))
        # Then what the ERP has booked, and what is counted as billed, is what the events come to
        check_billed(stage)
        found = await counted(stage)
        assert {currency: value for value, _, currency in found["billed"] if value} == stage.journal()
        # And every figure is what the oracle makes of the rows, also counted anew
        check_figures(found, stage)
        await check_legal_entities(stage)
        await check_rebuild(found, stage)
        await closed(stage)

    run(story())


@pytest.mark.parametrize("mistake", [None, *MISTAKES])
def test_a_mistake_in_what_is_billed_is_found(mistake: str | None) -> None:
    async def story() -> None:
        stage = await played(RICH, Stage(1) if mistake is None else MISTAKES[mistake]())
        if mistake is None:
            check_billed(stage)
        else:
            with pytest.raises(AssertionError, match=r"USD|EUR"):
                check_billed(stage)
        await closed(stage)

    run(story())


def test_a_mistake_in_what_is_counted_is_found() -> None:
    async def story() -> None:
        stage = await played(RICH, Stage(1))
        check_figures(await counted(stage), stage)
        added = stage.firm.store.tables.sums.added
        right = dict(added)
        assert {place.measure for place in right} == set(Measure), "the history has something of everything"
        for measure in Measure:
            places = [place for place in right if place.measure == measure]
            # Whether a measure is not counted, or one of its sums twice, some figure is another one
            for places_wrong, times in ((places, 0), *(([place], 2) for place in places if measure not in ONCE)):
                for place in places_wrong:
                    added[place] = Added(right[place].count * times, right[place].total * times)
                    if times == 0:
                        del added[place]
                with pytest.raises(AssertionError):
                    check_figures(await counted(stage), stage)
                added.update(right)
        await closed(stage)

    run(story())


@pytest.mark.parametrize("module", [oracle, rules], ids=["oracle", "firm"])
def test_the_oracle_imports_nothing_of_ours(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert {module.partition(".")[0] for module in modules} <= {
        "__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "typing",
    }  # fmt: skip
