"""The main job on real servers: every approved line posted once, in order, whatever is published twice or killed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pytest

from adapters.ports.broker import Outgoing
from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import SILENT, Firm, until
from tests.integration.load import prove_order

REVISIONS = 9
PROJECTS = 20
LOOK = 0.5
"""Seconds from one look to the next: each counts all messages, commands, and lanes."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many sheets there are, each of `REVISIONS` events, and how often the process is killed among these."""

    keys: int
    kills: int

    @property
    def applied(self) -> int:
        """Messages in the end, each once."""
        return self.keys * REVISIONS + PROJECTS + 5


SHORT: Final = Size(keys=500, kills=3)
LONG: Final = Size(keys=2000, kills=10)
both = pytest.mark.parametrize(
    "size", [pytest.param(SHORT, id="5,000 events"), pytest.param(LONG, id="20,000 events", marks=pytest.mark.long)]
)


def the_load(size: Size, seed: int) -> list[Outgoing]:
    """The sheets' events, sources and keys interleaved, each key's in order, and a tenth of them published twice.

    Revision r of a sheet approves its line r, so that each event adds one line to be posted.
    """
    chance = random.Random(seed)
    projects = [Reference(id=f"P{n}") for n in range(PROJECTS)]
    events: list[Outgoing] = []
    for revision in range(1, REVISIONS + 1):
        keys = list(range(size.keys))
        chance.shuffle(keys)
        events.extend(
            sheet(f"T{key}", projects[key % PROJECTS], lines=revision, revision=revision, only_last=True)
            for key in keys
        )
    for _ in range(size.keys):
        place = chance.randrange(len(events))
        events.insert(chance.randrange(place, len(events)) + 1, events[place])
    assert len(events) == size.keys * (REVISIONS + 1)
    return events


async def prepare(installation: Firm) -> None:
    """Customers and projects, settled."""
    await installation.publish([customer(f"C{n}") for n in range(5)])
    await installation.publish([deal(f"P{n}", f"C{n % 5}") for n in range(PROJECTS)])


async def prove(installation: Firm, size: Size) -> None:
    """Each key applied in order, and the journal shows each distinct approved line exactly once."""
    assert await installation.verdicts() == {"applied": size.applied}
    await prove_order(installation)
    effects = Counter((row["operation"], row["reference"]) for row in await installation.journal())
    assert {reference for reference, count in effects.items() if count > 1} == set()
    posted = {reference for operation, reference in effects if operation == "billable.post"}
    lines = range(1, REVISIONS + 1)
    assert posted == {f"timesheet/T{key}/L{line}.r{line}/1" for key in range(size.keys) for line in lines}


@both
async def test_events_are_each_posted_once_and_in_order(installation: Firm, size: Size) -> None:
    await prepare(installation)
    await installation.publish(the_load(size, 1))
    gateway = await installation.start_ready()
    await until(lambda: is_done(installation, size), 150, "every event applied and every command settled", every=LOOK)
    await prove(installation, size)
    assert await gateway.stop() == 0


@both
async def test_the_same_totals_when_the_process_is_killed_again_and_again(installation: Firm, size: Size) -> None:
    await prepare(installation)
    chance = random.Random(2)
    events = the_load(size, 2)
    await installation.publish(events)
    for number in range(1, size.kills + 1):
        gateway = await installation.start_ready(**SILENT)
        # Somewhere within the work: after a random number of further messages, spread over the whole load.
        goal = (number - 1 + chance.random()) / (size.kills + 1) * len(events) * 0.9

        async def has_come_far(goal: float = goal) -> bool:
            return await installation.count("SELECT count(*) FROM tallystick.inbox") >= goal

        await until(has_come_far, 60, f"{goal:.0f} messages in the inbox", every=0.1)
        await gateway.kill()
    gateway = await installation.start_ready(**SILENT)
    await until(lambda: is_done(installation, size), 150, "every event applied and every command settled", every=LOOK)
    await prove(installation, size)
    assert await gateway.stop() == 0


async def test_a_thousand_sheets_wait_for_their_projects_and_post_in_order(installation: Firm) -> None:
    sheets = [sheet(f"W{n}", Reference(system="psa", external_id=f"psa-P{n % 10}"), lines=2) for n in range(1000)]
    corrected = [
        sheet(f"W{n}", Reference(system="psa", external_id=f"psa-P{n % 10}"), lines=3, revision=2)
        for n in range(0, 1000, 10)
    ]
    await installation.publish(sheets + corrected)
    gateway = await installation.start_ready()

    async def all_wait() -> bool:
        return await installation.verdicts() == {"waiting": 1000, "queued": 100}

    await until(all_wait, 30, "all sheets wait")
    assert await installation.count("SELECT count(*) FROM tallystick.inbox WHERE attempts > 0") == 0
    assert await installation.journal() == []
    # Parents in the wrong order, and among them more children that refer to them.
    parents = [deal(f"P{n}", f"C{n % 5}") for n in range(10)] + [customer(f"C{n}") for n in range(5)]
    await installation.publish(
        [event for n, parent in enumerate(parents) for event in (sheet(f"X{n}", Reference(id=f"P{n % 10}")), parent)]
    )

    async def all_applied() -> bool:
        return (await installation.verdicts()).get("applied") == 1130 and await installation.is_settled()

    await until(all_applied, 60, "all sheets applied")
    rows = await installation.journal()
    posted = [row["reference"] for row in rows if row["operation"] == "billable.post"]
    assert len(posted) == len(set(posted)) == 2115
    for number in range(0, 1000, 10):
        lines = [reference for reference in posted if f"{reference}".startswith(f"timesheet/W{number}/")]
        assert lines == [f"timesheet/W{number}/{line}/1" for line in ("L1.r1", "L2.r1", "L3.r2")]
    assert await installation.count("SELECT count(*) FROM tallystick.inbox WHERE attempts > 0") == 0
    assert await gateway.stop() == 0


async def is_done(installation: Firm, size: Size) -> bool:
    """Whether everything was applied and every command settled."""
    applied = (await installation.verdicts()).get("applied", 0)
    return applied >= size.applied and await installation.is_settled()
