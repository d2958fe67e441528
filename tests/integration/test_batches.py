"""Batches on real servers: each line lands once, whatever becomes of the request or of the process that sent it."""

from __future__ import annotations

from collections import Counter
from typing import Final

from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import BATCH, Firm, Json, until

SHEETS: Final = 60
LINES: Final = 3
REFERENCES: Final = {f"timesheet/T{key}/L{line}.r1/1" for key in range(SHEETS) for line in range(1, LINES + 1)}
CASES: Final = "SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL"
REQUESTS: Final = """
    SELECT count(*) FROM (SELECT DISTINCT token, request FROM tallystick.attempt WHERE operation = 'billable.post') each
"""
SPOILT: Final[tuple[Json, ...]] = (
    {"fault": "half_applied", "count": 3, "seconds": 0},
    {"fault": "lines_left_out", "count": 3},
    {"fault": "shuffled", "count": 3},
    {"fault": "late_apply", "count": 2, "seconds": 0.5},
    {"fault": "apply_then_500", "count": 5},
)


async def billed(installation: Firm) -> Counter[str]:
    """How often each line stands in the ERP's journal."""
    return Counter(str(row["reference"]) for row in await installation.journal() if row["operation"] == "billable.post")


async def ready_for_billing(installation: Firm) -> None:
    """A project that the ERP knows."""
    await installation.publish([customer("C1"), deal("P1", "C1")])

    async def is_linked() -> bool:
        return len(await installation.journal("crm")) == 1

    await until(is_linked, 30, "the project is known everywhere")


async def publish_sheets(installation: Firm) -> None:
    await installation.publish([sheet(f"T{key}", Reference(id="P1"), lines=LINES) for key in range(SHEETS)])


async def until_done(installation: Firm) -> None:
    async def is_done() -> bool:
        return set(await billed(installation)) == REFERENCES and await installation.is_settled()

    await until(is_done, 60, "every line is settled", every=0.2)


async def prove(installation: Firm) -> None:
    """Every line is settled, and stands in the journal once, in the order of its sheet."""
    assert await billed(installation) == dict.fromkeys(REFERENCES, 1)
    assert await installation.count(CASES) == 0
    for key in range(SHEETS):
        lines = [row["reference"] for row in await installation.journal() if row["key"] == f"timesheet/T{key}"]
        assert lines == sorted(map(str, lines)), "the first line before the second"


async def test_half_a_batch_lands_and_the_process_is_killed(installation: Firm) -> None:
    first = await installation.start_ready(TALLYSTICK_SILENT_SECONDS="4")
    await ready_for_billing(installation)
    # Given a batch of which half has landed, and no answer has come
    await installation.faults("erp", {"fault": "half_applied", "count": 1, "seconds": 10})
    await publish_sheets(installation)

    async def is_half_there() -> bool:
        return (await installation.hits("erp"))[0] == 1

    await until(is_half_there, 30, "half a batch has landed")
    # When the process is killed before it hears of it
    await first.kill()
    unheard = await installation.count("SELECT count(*) FROM tallystick.attempt WHERE ending IS NULL")
    assert unheard > 1, "what was on its way"
    await installation.faults("erp")
    # Then the next one settles each line by itself
    second = await installation.start_ready(TALLYSTICK_SILENT_SECONDS="4")
    await until_done(installation)
    await prove(installation)
    assert await second.stop() == 0


async def test_lines_of_spoilt_batches_land_once_each(installation: Firm) -> None:
    gateway = await installation.start_ready()
    await ready_for_billing(installation)
    await installation.faults("erp", *SPOILT)
    await publish_sheets(installation)
    await until_done(installation)
    assert any(hits > 0 for hits in await installation.hits("erp")), "nothing was spoilt"
    await prove(installation)
    assert await gateway.stop() == 0


async def test_a_refused_line_parks_its_own_sheet_alone(installation: Firm) -> None:
    gateway = await installation.start_ready()
    await ready_for_billing(installation)
    await installation.faults("erp", {"fault": "refuse", "count": 1, "seconds": 0, "key": "timesheet/T7"})
    await publish_sheets(installation)

    async def are_the_others_done() -> bool:
        return len(await billed(installation)) == (SHEETS - 1) * LINES and await installation.count(CASES) == 1

    await until(are_the_others_done, 60, "the other sheets are billed, and one case is open", every=0.2)
    others = (reference for reference in REFERENCES if "/T7/" not in reference)
    assert await billed(installation) == dict.fromkeys(others, 1)
    assert await gateway.stop() == 0


async def test_many_lines_need_few_requests(installation: Firm) -> None:
    # Given all sheets before any process runs
    await installation.publish([customer("C1"), deal("P1", "C1")])
    await publish_sheets(installation)
    gateway = await installation.start_ready()
    await until_done(installation)
    requests = await installation.count(REQUESTS)
    assert SHEETS * LINES / BATCH["size"] <= requests < SHEETS * LINES / 3
    await prove(installation)
    assert await gateway.stop() == 0
