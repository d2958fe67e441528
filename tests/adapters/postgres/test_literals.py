"""A column arrives in PostgreSQL as it was, whatever its texts hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from asyncpg.pgproto.pgproto import UUID as PgUUID  # noqa: N811

from adapters.ports.turns import DataRefused
from adapters.postgres.columns import COMMIT
from adapters.postgres.literals import cast_from_text, literal
from gateway.local.found import Found
from schemas.verdicts import LaneState

PIECES = [
    *(chr(code) for code in range(1, 128)),
    "ß",
    "é",
    "\u2028",
    "𝄞",
    "null",
    "NULL",
    "{",
    "}",
    "\\n",
    '\\"',
    "\\\\u0041",
]
COLUMNS: dict[str, list[object]] = {
    "text": [None, "", "NULL", "null", " a ", '{"a": "\\n"}', LaneState.PARKED],
    "integer": [1, None, -2],
    "bigint": [2**63 - 1, None],
    "boolean": [True, None, False],
    "double precision": [0.1, None, 1e300, 2.0],
    "uuid": [UUID(int=1), PgUUID(bytes(16)), None],
}


async def through(url: str, kind: str, column: Sequence[object]) -> list[object]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetchval(f"SELECT $1::text::{kind}[]", literal(column)))
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", COLUMNS)
async def test_each_type_arrives(postgres: Found, kind: str) -> None:
    assert await through(postgres.url, kind, COLUMNS[kind]) == COLUMNS[kind]


async def test_no_text_is_changed(postgres: Found) -> None:
    chance = random.Random(1)  # any texts will do, if they are the same each time
    texts: list[object] = ["".join(chance.choices(PIECES, k=chance.randrange(6))) for _ in range(5_000)]
    assert await through(postgres.url, "text", [*PIECES, *texts]) == [*PIECES, *texts]


async def test_nothing_is_an_empty_array(postgres: Found) -> None:
    assert await through(postgres.url, "uuid", []) == []


@pytest.mark.parametrize("value", ["\ud800", 2**64, b"bytes"])
def test_what_cannot_be_written_is_refused(value: object) -> None:
    with pytest.raises(DataRefused, match="has no place in the database"):
        literal([value])


def test_arguments_that_are_cast_from_text_are_found() -> None:
    assert cast_from_text("SELECT f($1, $2::text::uuid[], $3::text, $12::text::text[])") == {1, 11}


def test_seconds_go_to_the_commit_as_the_driver_writes_them() -> None:
    assert "::text::double precision" not in COMMIT, "not a number would be null there: a lane that nobody opens again"
