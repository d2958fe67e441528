"""The metrics page: both formats, what stands open, and no database."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from adapters.ports.turns import Judged, Opened
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.contracts.turns import SHEET, asking, command, message, queued
from tests.gateway.http.stand import Stand

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


async def scrape(stand: Stand) -> dict[str, float]:
    """Samples by their name and labels."""
    page = await stand.ops("/metrics")
    assert page.status == 200
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in read_text(page.text)
        for sample in family.samples
    }


async def test_counts_of_the_process_are_there(stand: Stand) -> None:
    samples = await scrape(stand)
    assert samples["tallystick_build_info['1.2.3']"] == 1
    assert samples["process_resident_memory_bytes[]"] > 0
    assert "python_gc_collections_total['0']" in samples


async def test_what_stands_open_is_there(stand: Stand) -> None:
    await stand.park(SHEET, message("e1"), message("e2"))
    other = ActorKey("timesheet", "T-9")
    turn = asking(queued((await stand.commits.load([other]))[other], message("e3")), command(other))
    turn.judged.append(Judged(conflict := message("e4"), Verdict.CONFLICT, 0))
    turn.opened.append(
        Opened(Case(Failure(FailureClass.CONFLICT, "id_reused", "send it under a new id")), conflict.ref)
    )
    await stand.commit(turn)
    await stand.bury("one", "two")
    samples = await scrape(stand)
    assert samples["tallystick_open_work_known[]"] == 1
    assert samples["tallystick_lanes['parked', 'timesheet']"] == 1
    assert samples["tallystick_lane_messages['parked', 'timesheet']"] == 2
    assert 0 <= samples["tallystick_lane_oldest_seconds['open', 'timesheet']"] < 60
    assert samples["tallystick_conflicts_open[]"] == 1
    assert samples["tallystick_commands_open['erp']"] == 1
    assert samples["tallystick_commands_parked['erp']"] == 0
    assert samples["tallystick_cases_open['finance', 'mapping']"] == 1
    assert samples["tallystick_dead_letters_stored[]"] == 2
    assert samples["tallystick_notices_waiting[]"] == 4
    assert samples["tallystick_replays['paused']"] == 0


async def test_the_database_is_not_asked_at_every_scrape(stand: Stand) -> None:
    assert (await scrape(stand))["tallystick_dead_letters_stored[]"] == 0
    await stand.bury("one")
    assert (await scrape(stand))["tallystick_dead_letters_stored[]"] == 0


async def test_openmetrics_is_spoken_where_it_is_asked_for(stand: Stand) -> None:
    page = await stand.ops("/metrics", Accept=OPENMETRICS)
    assert page.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert page.text.endswith("# EOF\n")
    families = read_openmetrics(page.text)  # type: ignore[no-untyped-call]  # the library has not typed it
    assert "tallystick_commit_turns" in {family.name for family in families}


async def test_without_a_database_the_page_answers_without_its_part(alone: Stand) -> None:
    samples = await scrape(alone)
    assert samples["tallystick_open_work_known[]"] == 0
    assert samples["tallystick_commit_batches_total[]"] == 0
    assert not any(name.startswith("tallystick_lanes") for name in samples)
