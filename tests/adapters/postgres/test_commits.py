"""What is PostgreSQL's own about the commit: one statement for each batch, and its errors as ours."""

from __future__ import annotations

import asyncio

import asyncpg
import orjson
import pytest
from asyncpg.connection import LoggedQuery

from adapters.ports.turns import Again, Committed, DataRefused, Refused, Row, StoreUnavailable
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.errors import read_error
from schemas.commands import command_id
from schemas.facts import Claim
from schemas.keys import ActorKey
from tests.adapters.postgres.stage import Stage
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    batch,
    command,
    message,
    waiting,
)


async def test_a_batch_is_one_statement_whatever_is_in_it(stage: Stage) -> None:
    # given: a batch with something for every table, and turns that are refused
    commits = stage.commits()
    sheets = [ActorKey("timesheet", f"S-{number}") for number in range(50)]
    turns = [asking(applied(Row(key), message(key.id)), command(key)) for key in sheets]
    turns[0].binds.append(EXTERNAL_PROJECT)
    turns[1].relied = {PROJECT: 0, OTHER_SHEET: 0}
    turns[2].claims.append(Claim("line", "L-1"))
    turns[3].relied = {PROJECT: 7}
    turns.append(waiting(Row(SHEET), message("e1"), EXTERNAL_PROJECT, 0))
    await commits.commit(batch(applied(Row(ActorKey("customer", "C-1")), message("c1"))))  # the driver learns the types
    assert commits._link._connection is not None
    statements: list[str] = []

    def log(query: LoggedQuery) -> None:
        statements.append(query.query)

    # when
    commits._link._connection.add_query_logger(log)
    answers = await commits.commit(batch(*turns))
    await asyncio.sleep(0)  # the driver tells its loggers on the loop's next turn
    # then
    assert [answers.count(Committed()), answers.count(Refused(Again.REFERENCE))] == [50, 1]
    assert len(statements) == 1
    assert "commit_turns" in statements[0]


@pytest.mark.parametrize(
    "value",
    ["a\x00b", "\ud800", "".join(map(chr, range(1000, 9000)))],
    ids=["NUL", "lone surrogate", "too long for an index"],
)
async def test_a_value_that_the_database_does_not_take_is_the_datas_fault(stage: Stage, value: str) -> None:
    commits = stage.commits()
    turn = applied(Row(SHEET), message("e1"))
    turn.claims.append(Claim("line", value))
    with pytest.raises(DataRefused):
        await commits.commit(batch(applied(Row(OTHER_SHEET), message("e2")), turn))
    assert (await commits.load([OTHER_SHEET]))[OTHER_SHEET].row_version == 0
    turn.claims.clear()
    assert await commits.commit(batch(turn)) == [Committed()]


@pytest.mark.parametrize("name", ["a\x00b", "\\\x00", "\x00"], ids=repr)
async def test_a_state_that_no_statement_could_look_into_is_the_datas_fault(stage: Stage, name: str) -> None:
    commits = stage.commits()
    with pytest.raises(DataRefused):
        await commits.commit(batch(applied(Row(SHEET), message("e1"), state=orjson.dumps({"name": name}))))
    assert (await commits.load([SHEET]))[SHEET].row_version == 0


@pytest.mark.parametrize("name", ["\\u0000", "\\\\u0000", "\\", "ä\u2028\U0001f9fe\x01"], ids=repr)
async def test_any_other_state_comes_back_as_it_was_written(stage: Stage, name: str) -> None:
    commits = stage.commits()
    state = orjson.dumps({"z": name, "a": 1})
    assert await commits.commit(batch(applied(Row(SHEET), message("e1"), state=state))) == [Committed()]
    assert (await commits.load([SHEET]))[SHEET].state == state
    assert await stage.observer.fetchval("SELECT state ->> 'z' FROM tallystick.entity WHERE key = $1", SHEET.id) == name


async def test_a_database_that_cannot_be_reached_has_written_nothing() -> None:
    commits = PostgresCommits("postgresql://tally@127.0.0.1:1/nowhere")
    with pytest.raises(StoreUnavailable):
        await commits.commit(batch(applied(Row(SHEET), message("e1"))))
    await commits.close()


@pytest.mark.parametrize("error", [asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError])
def test_a_login_that_is_refused_is_waited_out(error: type[asyncpg.PostgresError]) -> None:
    assert isinstance(read_error(error("refused")), StoreUnavailable)


async def test_a_lost_connection_is_opened_anew(stage: Stage) -> None:
    commits = stage.commits()
    await commits.load([SHEET])
    assert commits._link._connection is not None
    commits._link._connection.terminate()
    assert await commits.commit(batch(applied(Row(SHEET), message("e1")))) == [Committed()]


@pytest.mark.parametrize(
    ("key", "line", "generation"),
    [
        (SHEET, "1", 1),
        (ActorKey("timesheet", "Tabelle/Ä 7"), "", 12),
        (ActorKey("customer", "客户-1"), "line\x1f2", 2147483647),
        (ActorKey("project", "\U0001f9fe"), "0", 0),
    ],
)
async def test_the_database_computes_the_same_command_id(
    stage: Stage, key: ActorKey, line: str, generation: int
) -> None:
    identity = ("erp", "billable.create", key, line, generation)
    there = await stage.observer.fetchval(
        "SELECT tallystick.command_id($1, $2, $3, $4, $5, $6)", "erp", "billable.create", *key, line, generation
    )
    assert there == command_id(*identity)
    assert (there.version, there.variant) == (8, "specified in RFC 4122")


async def test_so_it_does_for_many(stage: Stage) -> None:
    lines = [str(number) for number in range(300)]
    there = await stage.observer.fetch(
        "SELECT tallystick.command_id('erp', 'op', 'timesheet', 'T-1', line, 1) FROM unnest($1::text[]) line", lines
    )
    assert [record[0] for record in there] == [command_id("erp", "op", SHEET, line, 1) for line in lines]
