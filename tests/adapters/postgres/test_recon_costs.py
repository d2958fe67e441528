"""Comparing two runs costs what they do not share, not what they have found."""

from __future__ import annotations

from datetime import date
from typing import Final

from adapters.ports.recon import Beside, Difference, Kind, RunAsked, Tally
from adapters.postgres.recon import PostgresRuns, PostgresRunWork
from schemas.standing import Sort, Standing
from tests.adapters.postgres.rows_read import rows_read

SHARED: Final = 2000
FEW: Final = 200
"""Rows that may be read for what one run alone has found."""
MARCH: Final = RunAsked("erp", date(2026, 3, 1), date(2026, 3, 31))


def difference(name: str) -> Difference:
    return Difference(Kind.MISSING, name, Standing(Sort.COST, name, None, "DE01", date(2026, 3, 5), None, None), None)


async def test_what_two_runs_share_is_not_read(database_url: str) -> None:
    runs, work = PostgresRuns(database_url), PostgresRunWork(database_url)
    shared = [difference(f"timesheet/T-{number}/l1") for number in range(SHARED)]
    for run in range(2):
        begun = await runs.begin(MARCH, by="ann", click=str(run))
        await work.found(begun, [*shared, difference(f"timesheet/T-0/of-{run}")], Tally(), cursor="c")
        found = await runs.run(begun.id)
        assert found is not None
        await work.end(found)
    await work.close()
    await runs.close()

    before = await rows_read(database_url)
    for run, other in ((1, 2), (2, 1)):
        beside = Beside(other, found=False)
        [alone] = await runs.differences(run, kind=None, beside=beside, after=0, limit=100)
        assert alone.difference.name == f"timesheet/T-0/of-{run - 1}"
    await runs.close()
    assert await rows_read(database_url) - before <= FEW
