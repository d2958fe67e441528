"""The fold with numbered events: in order, too early, overtaken; and what a refusal does under each lane policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ports.pauses import Pause, Scope
from adapters.ports.turns import Lane, LaneMessage, Row
from gateway.activation import Memory
from gateway.holding import hold
from gateway.pauses import legal_entity_of
from gateway.rules import LanePolicy, Rules
from schemas.bindings import Unbound
from schemas.project.entity import Project
from schemas.sequence import Cursor
from schemas.timesheet.entity import Timesheet
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.actors.firm import approved, line
from tests.gateway.desk import RULES, Desk, codes, number, steps, verdicts
from tests.gateway.toy import NOW, A, Job, Step, answered, entry, theirs

PARKS = Step(name="bad", does="park")
SKIPS = replace(RULES, lanes={"job.other": LanePolicy.PARK, "job.*": LanePolicy.SKIP})


def through(number: int, *, beyond: tuple[int, ...] = (), applied: int | None = None) -> dict[str, Cursor]:
    """All numbers of the CRM up to this one are final."""
    return {"crm": Cursor(number, beyond, number if applied is None else applied)}


class TestContiguous:
    def test_in_order_they_are_applied_and_move_the_cursor(self) -> None:
        draft = Desk().came(number(1), entry("x"), number(2)).turn()
        assert steps(draft) == ("crm1", "x", "crm2")
        assert draft.turn.cursors == through(2)

    def test_one_that_is_too_early_waits_and_asks_a_person_when_its_patience_ends(self) -> None:
        draft = Desk(cursors=through(1)).came(number(3)).turn()
        assert verdicts(draft) == [("crm3", Verdict.WAITING, 1)]
        assert draft.turn.lane == Lane(
            LaneState.WAITING, 1, 2, "number 3 of crm waits for number 2: publish it, or close the gap", patience=60.0
        )
        assert (draft.turn.cursors, draft.turn.arranges) == (None, True)

    def test_the_first_of_all_leaves_a_cursor_for_whoever_ends_it(self) -> None:
        draft = Desk().came(number(2), number(4)).turn()
        assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.WAITING, Verdict.QUEUED]
        assert draft.turn.cursors == through(0)

    def test_a_later_number_of_the_mailbox_never_passes_the_missing_one(self) -> None:
        draft = Desk().came(number(1), number(3), number(2)).turn()
        assert verdicts(draft) == [
            ("crm1", Verdict.APPLIED, None), ("crm3", Verdict.WAITING, 1), ("crm2", Verdict.QUEUED, 2),
        ]  # fmt: skip

    def test_one_that_was_overtaken_is_stale(self) -> None:
        draft = Desk(cursors=through(3)).came(number(2), number(4)).turn()
        assert verdicts(draft) == [("crm2", Verdict.STALE, None), ("crm4", Verdict.APPLIED, None)]
        assert draft.turn.judged[0].reason == "number 3 of crm was applied before number 2 came"
        assert codes(draft) == ["number_overtaken"], "whoever promised no gaps has used a number twice"
        assert draft.turn.entity_version == 1

    def test_a_discard_before_it_makes_nothing_stale(self) -> None:
        draft = Desk(cursors=through(3, applied=1)).came(number(2)).turn()
        assert steps(draft) == ("crm2",)

    def test_what_is_ignored_counts_as_final_and_makes_nothing_stale(self) -> None:
        draft = Desk().came(number(1, Step(name="1", does="ignore")), number(2)).turn()
        assert steps(draft) == ("crm2",)
        assert draft.turn.cursors == through(2)

    def test_numbers_beyond_the_cursor_are_taken_along(self) -> None:
        draft = Desk(cursors=through(1, beyond=(3, 4, 6))).came(number(2), number(5)).turn()
        assert steps(draft) == ("crm2", "crm5")
        assert draft.turn.cursors == {"crm": Cursor(6, (), 5)}

    def test_sources_do_not_wait_for_each_other(self) -> None:
        draft = Desk().came(number(1), number(5, source="hr"), number(2)).turn()
        assert steps(draft) == ("crm1", "hr5", "crm2")
        assert draft.turn.cursors == {**through(2), "hr": Cursor(None, (), 5)}

    def test_the_lane_is_drained_in_order_up_to_the_next_gap(self) -> None:
        desk = Desk(cursors=through(1)).stands(Step(name="2"), Step(name="3"), Step(name="5"))
        desk.activation.lane = [
            replace(standing, message=standing.message._replace(source="crm", series="crm", sequence=value))
            for standing, value in zip(desk.activation.lane, (2, 3, 5), strict=True)
        ]
        draft = desk.turn()
        assert steps(draft) == ("2", "3")
        assert (draft.turn.lane.state, draft.turn.lane.depth) == (LaneState.WAITING, 1)


class TestMonotonic:
    def test_gaps_are_nothing_to_wait_for(self) -> None:
        draft = Desk().came(number(4, source="hr"), number(9, source="hr"), number(7, source="hr")).turn()
        assert steps(draft) == ("hr4", "hr9")
        assert verdicts(draft)[-1] == ("hr7", Verdict.STALE, None)
        assert codes(draft) == []
        assert draft.turn.cursors == {"hr": Cursor(None, (), 9)}

    def test_the_same_number_again_is_stale(self) -> None:
        draft = Desk(cursors={"hr": Cursor(None, (), 4)}).came(number(4, source="hr")).turn()
        assert verdicts(draft) == [("hr4", Verdict.STALE, None)]


class TestAChangedPromise:
    def test_what_was_applied_is_where_a_contiguous_source_begins(self) -> None:
        draft = Desk(cursors={"crm": Cursor(None, (), 4)}).came(number(6)).turn()
        assert verdicts(draft) == [("crm6", Verdict.WAITING, 1)]

    def test_gaps_of_a_source_that_may_have_them_now_block_nothing(self) -> None:
        draft = Desk(cursors={"hr": Cursor(2, (5,), 2)}).came(number(7, source="hr")).turn()
        assert steps(draft) == ("hr7",)

    def test_numbers_of_a_source_that_promises_nothing_any_more_are_not_looked_at(self) -> None:
        draft = Desk(cursors={"psa": Cursor(2, (), 9)}).came(number(4, source="psa")).turn()
        assert steps(draft) == ("psa4",)


def test_a_message_that_kills_the_process_parks_behind_a_lane_that_stands_still() -> None:
    killer = entry("killer")
    killer.held = Failure(FailureClass.INTERNAL, "kills_process", "it ends the process")
    draft = Desk().stands(Step(name="1"), state=LaneState.WAITING).came(killer, entry("2")).turn()
    assert verdicts(draft) == [("killer", Verdict.PARKED, 2), ("2", Verdict.QUEUED, 3)]
    assert (codes(draft), draft.turn.lane.state) == (["kills_process"], LaneState.WAITING)
    assert draft.turn.judged[0].reason == "it ends the process"


class TestPassedHeads:
    def test_a_parked_message_that_another_has_passed_parks_again_without_a_new_case(self) -> None:
        desk = Desk().stands(Step(name="first"), PARKS)
        first, second = desk.activation.lane
        desk.activation.lane = [first, replace(second, verdict=Verdict.PARKED, reason="correct it", attempts=1)]
        draft = desk.came(entry("behind")).turn()
        assert verdicts(draft) == [
            ("first", Verdict.APPLIED, None), ("bad", Verdict.PARKED, 2), ("behind", Verdict.QUEUED, 3),
        ]  # fmt: skip
        assert draft.turn.lane == Lane(LaneState.PARKED, 2, 4, "correct it")
        assert (codes(draft), draft.turn.judged[1].attempts) == ([], 1)

    def test_one_that_waited_is_looked_at_again(self) -> None:
        desk = Desk().stands(Step(name="first"), Step(name="second"))
        first, second = desk.activation.lane
        desk.activation.lane = [first, replace(second, verdict=Verdict.WAITING)]
        assert steps(desk.turn()) == ("first", "second")


class TestSkip:
    def test_a_refused_message_ends_with_a_case_and_the_next_is_taken(self) -> None:
        draft = Desk(rules=SKIPS).came(entry("bad", PARKS), entry("good")).turn()
        assert verdicts(draft) == [("bad", Verdict.REJECTED, None), ("good", Verdict.APPLIED, None)]
        assert codes(draft) == ["wrong"]
        assert draft.turn.opened[0].ref == draft.turn.judged[0].message.ref
        assert draft.turn.judged[0].reason == "correct it"

    def test_in_the_lane_too(self) -> None:
        draft = Desk(rules=SKIPS).stands(PARKS, Step(name="good")).turn()
        assert (steps(draft), draft.turn.lane) == (("good",), Lane(tail=3))

    @pytest.mark.parametrize(
        ("does", "verdict"),
        [("raise", Verdict.PARKED), ("retry", Verdict.BACKOFF), ("wait for itself", Verdict.PARKED)],
    )
    def test_a_bug_of_ours_and_a_passing_reason_do_not_end_it(self, does: str, verdict: Verdict) -> None:
        step = Step.model_validate({"name": "bad", "does": does})
        draft = Desk(rules=SKIPS).came(entry("bad", step)).turn()
        assert verdicts(draft) == [("bad", verdict, 1)]

    def test_the_first_pattern_that_fits_counts(self) -> None:
        rules = Rules(lanes={"job.step": LanePolicy.PARK, "job.*": LanePolicy.SKIP})
        assert verdicts(Desk(rules=rules).came(entry("bad", PARKS)).turn()) == [("bad", Verdict.PARKED, 1)]


class TestSupersede:
    def test_what_enters_the_lane_says_that_it_ends_older_ones(self) -> None:
        rules = Rules(lanes={"job.*": LanePolicy.SUPERSEDE})
        draft = Desk(rules=rules).came(entry("bad", PARKS), entry("new")).turn()
        assert [judged.supersedes for judged in draft.turn.judged] == [True, True]
        assert draft.turn.arranges

    def test_what_is_applied_at_once_ends_nothing(self) -> None:
        rules = Rules(lanes={"job.*": LanePolicy.SUPERSEDE})
        draft = Desk(rules=rules).came(entry("old"), entry("new")).turn()
        assert (steps(draft), draft.turn.arranges) == (("old", "new"), False)


def test_under_an_external_key_numbers_leave_a_cursor_too() -> None:
    desk = Desk(key=theirs("7")).came(number(2))
    draft = hold(desk.activation, Memory(Row(theirs("7"), 1, 0, None, 0, desk.lane), Unbound()), RULES)
    assert (draft.turn.cursors, draft.turn.lane.patience) == (through(0), 900.0)


def test_an_event_without_a_number_is_not_measured() -> None:
    draft = Desk(cursors=through(5)).came(entry("x")).turn()
    assert (steps(draft), draft.turn.cursors, draft.turn.arranges) == (("x",), None, False)


def test_what_stands_in_the_lane_keeps_its_own_number() -> None:
    standing = Desk(cursors=through(1)).stands(Step(name="3"))
    [only] = standing.activation.lane
    assert isinstance(only, LaneMessage)
    standing.activation.lane = [replace(only, message=only.message._replace(source="crm", series="crm", sequence=3))]
    draft = standing.turn()
    assert verdicts(draft) == [("3", Verdict.WAITING, 1)]


class TestPauses:
    PAUSE = Pause(7, Scope("job"), "ann", "the month is being closed", NOW)

    def test_what_is_paused_is_queued_and_not_decided(self) -> None:
        draft = Desk(pauses=(self.PAUSE,)).came(entry("1"), entry("2")).turn()
        assert verdicts(draft) == [("1", Verdict.QUEUED, 1), ("2", Verdict.QUEUED, 2)]
        reason = "entity job is paused by ann: the month is being closed"
        assert draft.turn.lane == Lane(LaneState.PAUSED, 2, 3, reason, paused_by=7)
        assert [judged.attempts for judged in draft.turn.judged] == [0, 0]

    def test_an_open_lane_stands_still_where_it_is(self) -> None:
        draft = Desk(pauses=(self.PAUSE,)).stands(Step(name="1"), Step(name="2")).came(entry("3")).turn()
        assert verdicts(draft) == [("1", Verdict.QUEUED, 1), ("3", Verdict.QUEUED, 3)]
        assert (draft.turn.lane.state, draft.turn.lane.depth) == (LaneState.PAUSED, 3)

    def test_results_are_facts_and_are_taken_all_the_same(self) -> None:
        draft = Desk(pauses=(self.PAUSE,)).heard(answered(A, "1")).came(entry("1")).turn()
        assert steps(draft) == ("+1",)

    def test_another_legal_entitys_pause_is_no_concern(self) -> None:
        pause = replace(self.PAUSE, scope=Scope(legal_entity="US01"))
        assert steps(Desk(pauses=(pause,)).came(entry("1")).turn()) == ("1",)

    def test_what_came_behind_a_paused_lane_queues(self) -> None:
        desk = Desk().stands(Step(name="1"), state=LaneState.PAUSED).came(entry("2"))
        desk.lane = replace(desk.lane, paused_by=7)
        draft = desk.turn()
        assert verdicts(draft) == [("2", Verdict.QUEUED, 2)]
        assert draft.turn.lane.paused_by == 7


def test_the_legal_entity_is_that_of_the_event_or_else_of_what_it_is_about() -> None:
    assert legal_entity_of(approved(line("L1", "1")), Timesheet()) == "DE01"
    assert legal_entity_of(Step(name="1"), Project(legal_entity="DE01")) == "DE01"
    assert legal_entity_of(Step(name="1"), Job()) is None
