"""The bench itself, on real servers and at sizes that say nothing about speed: it runs, checks, and reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bench import options, results, seed, throughput
from bench.checks import WrongRound, queue_is_empty
from bench.contenders import A, B, C, D, T, prepare_queue
from bench.load import events, fill
from bench.machine import Machine
from bench.part import Found
from bench.report import Report
from bench.servers import Servers, fresh
from bench.sizes import Sizes
from bench.targets import Kind, lines
from gateway.local.found import Found as Server
from tests.fixtures.rabbitmq import VhostPool

TINY = replace(Sizes(), rounds=1, rounds_apart=1, rates=(1_000,)).scaled(0.000_001)
NOT_AT_THIS_SIZE = {"memory growth", "critical p50", "critical p99"}
"""Figures that a tiny run may leave out, because it says nothing of them."""


@pytest.fixture
def servers(postgres: Server, rabbitmq: VhostPool) -> Servers:
    return Servers(postgres.url, rabbitmq.node)


async def run(servers: Servers, kind: Kind, folder: Path) -> Path:
    """All parts of a kind; the JSON of the report."""
    said: list[str] = []
    found: dict[str, Found] = {}
    for name, measure in (options.LARGE if kind is Kind.LARGE else options.ORDINARY).items():
        found[name] = await measure(servers, TINY, said.append)
    assert said
    machine = await Machine.look(0.0, servers.database_url, {"postgresql": "of this test"})
    return results.write(Report(datetime.now(UTC), kind, False, machine, TINY, found), folder)  # noqa: FBT003


def measured(path: Path) -> set[str]:
    return {entry["figure"] for entry in orjson.loads(path.read_bytes())["targets"] if entry["measured"] is not None}


@pytest.mark.parametrize("kind", [Kind.ORDINARY, pytest.param(Kind.LARGE, marks=pytest.mark.long)])
async def test_every_part_runs_is_right_and_is_reported(
    servers: Servers, kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each contender once: a second turn makes a ratio steadier, and of these none is looked at.
    monkeypatch.setattr(throughput, "TURNS", (A, B, T, C, D))
    path = await run(servers, kind, tmp_path)
    assert measured(path) >= {line.target.figure for line in lines(kind, {})} - NOT_AT_THIS_SIZE
    assert list(orjson.loads(path.read_bytes())["ratios"]) == (
        ["T/A", "T/B", "T/C", "T/D"] if kind is Kind.ORDINARY else []
    )


async def test_messages_that_are_left_are_found(servers: Servers) -> None:
    async with fresh(servers) as place:
        await fill(place.amqp_url, await prepare_queue(place), events(3, 3))
        with pytest.raises(WrongRound, match="3 messages are left"):
            await queue_is_empty(place, B.queue)


async def test_no_policy_tries_again_what_is_seeded_as_parked(servers: Servers) -> None:
    async with fresh(servers) as place:
        await seed.prepare(place)
        cases = await place.fetch("SELECT failure_class FROM tallystick.cases WHERE closed_at IS NULL")
        assert [each["failure_class"] for each in cases] == ["business_rule"]
