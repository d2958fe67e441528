"""`tallystick kpi`, asked of a real API, and counting anew on a real database."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from adapters.ports.kpis import Period
from adapters.postgres.kpis import PostgresBooks, PostgresKpis
from gateway.exits import Exit
from gateway.kpis.follower import count_all
from tests.contracts.turns import SHEET, applied, message
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway, and the command line of somebody who asks it."""

    stand: Stand
    url: str
    env: dict[str, str]

    async def run(self, *arguments: str) -> Result:
        """One command, while the gateway goes on."""
        return await asyncio.to_thread(cli, *arguments, env=self.env)

    async def apply(self, *names: str) -> None:
        """Messages of a sheet."""
        for name in names:
            row = (await self.stand.commits.load([SHEET]))[SHEET]
            await self.stand.commit(applied(row, message(name)))

    async def count(self) -> None:
        """Count what was committed."""
        books = PostgresBooks(self.url)
        await count_all(books)
        await books.close()

    async def messages(self) -> int:
        """How many messages are counted."""
        kpis, today = PostgresKpis(self.url), datetime.now(UTC).date()
        sums = await kpis.sums(Period(today - timedelta(days=1), today + timedelta(days=1)))
        await kpis.close()
        return sum(each.count for each in sums if each.measure == "messages")


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk of whoever runs the gateway."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        env = {
            "TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token),
            "TALLYSTICK_DATABASE_URL": database_url,
        }  # fmt: skip
        yield Desk(stand, database_url, env)


async def test_figures_as_a_table_and_as_rows(desk: Desk) -> None:
    await desk.apply("e1", "e2")
    await desk.count()
    table = await desk.run("kpi", "list")
    for part in ("matched", "100.000", "posting_accuracy", "99.5 %", "won_deals"):
        assert part in table.stdout, table.stdout
    rows = {row["figure"]: row for row in csv.DictReader(StringIO((await desk.run("kpi", "list", "-o", "csv")).stdout))}
    assert (rows["matched"]["value"], rows["matched"]["of"], rows["matched"]["unit"]) == ("100.000", "2", "per cent")
    told = orjson.loads((await desk.run("kpi", "list", "-o", "json", "--to", "2026-01-31")).stdout)
    assert next(each for each in told if each["figure"] == "matched")["values"][0]["of"] == 0


async def test_one_figure_with_its_formula(desk: Desk) -> None:
    await desk.apply("e1")
    await desk.count()
    shown = (await desk.run("kpi", "show", "matched")).stdout
    for part in ("100.000 per cent, of 1", "Σ messages_waited", "does not count"):
        assert part in shown, shown
    told = orjson.loads((await desk.run("-o", "json", "kpi", "show", "matched")).stdout)
    assert (told["values"][0]["of"], "Σ messages" in told["formula"]) == (1, True)


async def test_counting_anew_comes_to_the_same(desk: Desk) -> None:
    await desk.apply("e1", "e2", "e3")
    await desk.count()
    rebuilt = await desk.run("kpi", "rebuild")
    assert (rebuilt.exit_code, "Counted anew, up to 2" in rebuilt.stdout) == (0, True), rebuilt.stdout
    assert await desk.messages() == 3
    # And earlier days stay as they are, though their lines come again
    since = f"{datetime.now(UTC).date() + timedelta(days=1)}"
    again = await desk.run("kpi", "rebuild", "--since", since)
    assert (again.exit_code, "wip may be too high" in again.stderr) == (0, True)
    assert await desk.messages() == 3


async def test_mistakes_say_what_to_change(desk: Desk) -> None:
    assert (await desk.run("kpi", "show", "nonsense")).exit_code == Exit.USAGE
    assert (await desk.run("kpi", "list", "--from", "yesterday")).exit_code == Exit.USAGE
    wrong = await desk.run("kpi", "list", "--from", "2026-03-02", "--to", "2026-03-01")
    assert (wrong.exit_code, "is before" in wrong.stderr) == (Exit.USAGE, True)
    away = await asyncio.to_thread(cli, "kpi", "rebuild", "--database-url", f"postgresql://u@{NOBODY}/x")
    assert away.exit_code == Exit.UNREACHABLE
