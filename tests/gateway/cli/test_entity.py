"""`tallystick entity` on a real database."""

from __future__ import annotations

import asyncio

import orjson

from adapters.postgres.commits import PostgresCommits
from gateway.exits import Exit
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, applied, asking, batch, command, message
from tests.gateway.cli.conftest import NOBODY, cli


async def make(url: str) -> None:
    """A project with three events, the second of which asks the ERP for something and binds an id."""
    commits = PostgresCommits(url)
    for n in range(3):
        turn = applied((await commits.load([PROJECT]))[PROJECT], message(f"e{n}"))
        if n == 1:
            asking(turn, command(PROJECT))
            turn.binds.append(EXTERNAL_PROJECT)
        await commits.commit(batch(turn))
    await commits.close()


def test_show(database_url: str) -> None:
    asyncio.run(make(database_url))
    env = {"TALLYSTICK_DATABASE_URL": database_url}
    shown = cli("entity", "show", "project", "P-1", env=env).stdout
    for part in ("psa/project/4711", '"is": "new"', "timesheet.approved.v1 psa e0", "asks erp", "project/P-1/1/1"):
        assert part in shown
    assert shown.index("psa e0") < shown.index("psa e1") < shown.index("asks erp") < shown.index("psa e2")
    told = orjson.loads(cli("-o", "json", "entity", "show", "project", "P-1", "--limit", "2", env=env).stdout)
    assert (told["version"], told["state"], told["externals"]) == (3, {"is": "new"}, ["psa/project/4711"])
    assert [[each["message"]["id"], len(each["asked"])] for each in told["timeline"]] == [["e1", 1], ["e2", 0]]
    bound = cli("entity", "show", "external", "psa/project/4711", env=env).stdout
    assert "bound to" in bound
    assert "project/P-1" in bound


def test_what_nobody_named_is_not_found(database_url: str) -> None:
    missing = cli("entity", "show", "project", "P-9", "--database-url", database_url)
    assert (missing.exit_code, "nobody ever named project/P-9" in missing.stderr) == (Exit.NOT_FOUND, True)
    assert cli("entity", "show", "a", "b", "--database-url", f"postgresql://u@{NOBODY}/x").exit_code == Exit.UNREACHABLE
