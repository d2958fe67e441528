"""The fold: one turn of a key, decided from memory, without any I/O.

Longer than a file should be: it is one list of rules, each a few lines, read from top to bottom.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from actors.decision import Snapshot
from adapters.ports.turns import EMPTY_LANE, Judged, Lane, Row, Settlement
from gateway.activation import Activation, Answered, Memory
from gateway.draft import Draft
from gateway.holding import hold
from schemas.bindings import Binding, Unbound
from schemas.commands import Rejected, Unknown, command_id
from schemas.facts import Claim
from schemas.keys import EXTERNAL
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.gateway.desk import RULES, Desk, codes, names, steps, verdicts
from tests.gateway.toy import (
    ERP,
    PASSING,
    WRONG,
    A,
    B,
    Step,
    answered,
    entry,
    theirs,
)  # fmt: skip

LOST = Failure(FailureClass.UNKNOWN_OUTCOME, "outcome_unknown", "look it up")


# --------------------------------------------------------------------------------------------------------------- order


def test_results_go_first_then_the_lane_then_the_mailbox() -> None:
    draft = Desk().stands(Step(name="lane")).came(entry("mail")).heard(answered(A, "1")).turn()
    assert steps(draft) == ("+1", "lane", "mail")
    assert verdicts(draft) == [("lane", Verdict.APPLIED, None), ("mail", Verdict.APPLIED, None)]
    assert draft.turn.lane == Lane(tail=2)
    assert [settled.settlement for settled in draft.turn.settled] == [Settlement.DONE]


def test_two_results_of_one_command_are_not_decided_in_one_turn() -> None:
    # Given what a process holds that stood still past its lease, and then took the lease anew
    draft = Desk().came(entry("mail")).heard(answered(A, "1"), answered(A, "1")).turn()
    # Then the second, and all that comes behind results, is left for a turn in which the store knows of the first
    assert steps(draft) == ("+1",)
    assert len(draft.turn.settled) == 1
    assert draft.stopped_short


def test_each_applied_event_is_one_version() -> None:
    draft = Desk(version=4).came(entry("a"), entry("b", Step(name="b", does="ignore")), entry("c")).turn()
    assert [judged.entity_version for judged in draft.turn.judged] == [5, 5, 6]
    assert draft.turn.entity_version == 6
    assert [judged.reason for judged in draft.turn.judged] == [None, "asked to", None]


def test_what_was_not_applied_of_an_event_is_the_reason_of_its_line() -> None:
    said = "the name stays; so does the rate"
    draft = Desk().came(entry("remarks")).turn()
    assert [(judged.verdict, judged.reason) for judged in draft.turn.judged] == [(Verdict.APPLIED, said)]
    again = Desk().stands(Step(name="remarks")).turn()
    assert [(judged.verdict, judged.reason) for judged in again.turn.judged] == [(Verdict.APPLIED, said)]
    [settled] = Desk().heard(answered(A, "remarks")).turn().turn.settled
    assert (settled.settlement, settled.reason) == (Settlement.DONE, "the price stays")


def test_a_turn_that_applies_nothing_leaves_the_state_alone() -> None:
    draft = Desk(version=4).came(entry("a", Step(name="a", does="ignore"))).turn()
    assert (draft.turn.state, draft.turn.entity_version) == (None, 4)


def test_commands_stand_in_the_order_in_which_they_were_asked_for() -> None:
    draft = Desk().came(entry("a", Step(name="a", asks=("1", "2"))), entry("b", Step(name="b", asks=("3",)))).turn()
    assert [(queued.command.line, queued.entity_version, queued.index) for queued in draft.turn.queued] == [
        ("1", 1, 0), ("2", 1, 1), ("3", 2, 2),
    ]  # fmt: skip
    first = draft.turn.queued[0].command
    assert first.id == command_id(ERP, "job.do", A, "1", 1)
    assert (first.reference, first.body) == ("job/a/1/1", b'{"line":"1","binds":null}')


def test_claims_notices_and_cases_go_along() -> None:
    draft = Desk().came(entry("case", Step(name="case", claims="x"))).turn()
    assert draft.turn.claims == [Claim("job", "x")]
    assert [notice.attributes["name"] for notice in draft.turn.notices] == ["case"]
    assert codes(draft) == ["wrong"]
    [opened] = draft.turn.opened
    assert (opened.ref, opened.command_id) == (draft.turn.judged[0].message.ref, None)


@pytest.mark.parametrize(
    ("steps", "claims", "releases"),
    [
        ([Step(name="1", claims="x"), Step(name="2", releases="x")], [], ["x"]),
        ([Step(name="1", releases="x"), Step(name="2", claims="x")], ["x"], []),
        ([Step(name="1", claims="x", releases="y"), Step(name="2", claims="y", releases="x")], ["y"], ["x"]),
    ],
)
def test_of_what_a_turn_claims_and_gives_back_the_last_word_counts(
    steps: list[Step], claims: list[str], releases: list[str]
) -> None:
    turn = Desk().came(*(entry(step.name, step) for step in steps)).turn().turn
    assert [claim.value for claim in turn.claims] == claims
    assert [claim.value for claim in turn.releases] == releases


@pytest.mark.parametrize(
    ("steps", "opened", "settled"),
    [
        ([Step(name="1", opens="x"), Step(name="2", settles="x")], [], ["x"]),
        ([Step(name="1", settles="x"), Step(name="2", opens="x")], [("x", "2")], []),
        ([Step(name="1", opens="x"), Step(name="2", opens="y"), Step(name="3", opens="x")],
         [("y", "2"), ("x", "3")], []),
        ([Step(name="1", opens="x", settles="x")], [("x", "1")], []),
    ],
)  # fmt: skip
def test_of_the_topics_that_a_turn_opens_and_settles_the_last_word_counts(
    steps: list[Step], opened: list[tuple[str, str]], settled: list[str]
) -> None:
    turn = Desk().came(*(entry(step.name, step) for step in steps)).turn().turn
    ids = {judged.message.ref: judged.message.id for judged in turn.judged}
    assert [(each.case.topic, ids[each.ref]) for each in turn.opened if each.ref is not None] == opened
    assert list(turn.settles) == settled


# ------------------------------------------------------------------------------------------------ the first that stops


def test_it_stops_at_the_first_wait_and_the_rest_goes_into_the_lane_in_the_same_turn() -> None:
    draft = Desk().knows(B).came(entry("1"), entry("2", Step(name="2", needs="b")), entry("3"), entry("4")).turn()
    assert steps(draft) == ("1",)
    assert verdicts(draft) == [
        ("1", Verdict.APPLIED, None),
        ("2", Verdict.WAITING, 1),
        ("3", Verdict.QUEUED, 2),
        ("4", Verdict.QUEUED, 3),
    ]
    assert draft.turn.lane == Lane(
        LaneState.WAITING, 3, 4, "job/b has done nothing yet", target=B, seen=1, patience=900.0
    )
    assert names(draft.consumed) == ["1", "2", "3", "4"]
    assert draft.turn.relied == {B: 1}
    assert [judged.attempts for judged in draft.turn.judged] == [0, 0, 0, 0], "waiting spends no attempt"
    assert not draft.stopped_short


def test_it_stops_at_the_first_rejection_with_a_case() -> None:
    draft = Desk().came(entry("1", Step(name="1", does="park")), entry("2")).turn()
    assert verdicts(draft) == [("1", Verdict.PARKED, 1), ("2", Verdict.QUEUED, 2)]
    assert draft.turn.lane == Lane(LaneState.PARKED, 2, 3, WRONG.reason)
    assert [(opened.case.failure, opened.ref) for opened in draft.turn.opened] == [
        (WRONG, draft.turn.judged[0].message.ref)
    ]
    assert [judged.attempts for judged in draft.turn.judged] == [1, 0]


def test_what_fails_for_a_passing_reason_is_tried_again_by_itself() -> None:
    draft = Desk().came(entry("1", Step(name="1", does="retry"))).turn()
    assert verdicts(draft) == [("1", Verdict.BACKOFF, 1)]
    assert draft.turn.lane == Lane(LaneState.BACKOFF, 1, 2, PASSING.reason, retry_after=5.0)
    assert draft.turn.opened == []


def test_what_fails_for_a_passing_reason_parks_once_the_deadline_has_passed() -> None:
    desk = Desk().stands(Step(name="1", does="retry"))
    desk.activation.lane = [replace(standing, attempts=2) for standing in desk.activation.lane]
    draft = desk.turn()
    assert draft.turn.lane == Lane(LaneState.PARKED, 1, 2, PASSING.reason)
    [judged] = draft.turn.judged
    assert (judged.verdict, judged.attempts) == (Verdict.PARKED, 3)
    assert [opened.case.failure for opened in draft.turn.opened] == [PASSING]


def test_the_head_that_waits_again_stays_where_it_is() -> None:
    draft = Desk().knows(B, version=3).stands(Step(name="1", needs="b"), Step(name="2")).came(entry("3")).turn()
    assert verdicts(draft) == [("1", Verdict.WAITING, 1), ("3", Verdict.QUEUED, 3)]
    assert draft.turn.judged[0].was is Verdict.QUEUED
    assert (draft.turn.lane.depth, draft.turn.lane.tail, draft.turn.lane.seen) == (3, 4, 3)


def test_what_follows_a_drained_lane_and_waits_becomes_its_head() -> None:
    draft = Desk().knows(B).stands(Step(name="1")).came(entry("2", Step(name="2", needs="b")), entry("3")).turn()
    assert verdicts(draft) == [
        ("1", Verdict.APPLIED, None), ("2", Verdict.WAITING, 2), ("3", Verdict.QUEUED, 3),
    ]  # fmt: skip
    assert (draft.turn.lane.depth, draft.turn.lane.tail) == (2, 4)


@pytest.mark.parametrize("state", [LaneState.WAITING, LaneState.PARKED, LaneState.BACKOFF, LaneState.PAUSED])
def test_behind_a_lane_that_stands_still_everything_queues_but_results_pass(state: LaneState) -> None:
    desk = Desk().stands(Step(name="1"), verdict=Verdict.WAITING, state=state).came(entry("2")).heard(answered(A, "9"))
    desk.lane = replace(desk.lane, target=B, seen=4, reason="why")
    draft = desk.turn()
    assert steps(draft) == ("+9",)
    assert verdicts(draft) == [("2", Verdict.QUEUED, 2)]
    assert draft.turn.lane == Lane(state, 2, 3, "why", target=B, seen=4)
    assert not draft.stopped_short


def test_a_message_of_the_lane_that_cannot_be_read_any_more_is_parked() -> None:
    desk = Desk().stands(Step(name="1"))
    (standing,) = desk.activation.lane
    desk.activation.lane = [replace(standing, message=standing.message._replace(body=b"?"))]
    draft = desk.turn()
    assert verdicts(draft) == [("1", Verdict.PARKED, 1)]
    assert codes(draft) == ["not_a_step"]


# ------------------------------------------------------------------------------------------------------------- results


def test_a_refused_command_is_parked_with_a_case_and_holds_nothing_but_its_successors() -> None:
    draft = Desk().heard(answered(A, "1", Rejected(WRONG)), answered(A, "2")).came(entry("mail")).turn()
    assert [(settled.settlement, settled.reason) for settled in draft.turn.settled] == [
        (Settlement.PARKED, WRONG.reason), (Settlement.DONE, None),
    ]  # fmt: skip
    assert [opened.command_id for opened in draft.turn.opened] == [command_id(ERP, "job.do", A, "1", 1)]
    assert steps(draft) == ("+2", "mail")


def test_a_command_whose_outcome_nobody_can_find_out_is_parked() -> None:
    draft = Desk().heard(answered(A, "1", Unknown(LOST))).turn()
    assert [settled.settlement for settled in draft.turn.settled] == [Settlement.PARKED]
    assert codes(draft) == ["outcome_unknown"]


def test_a_result_binds_the_systems_id() -> None:
    assert Desk().heard(answered(A, "1", binds="7")).turn().turn.binds == [theirs("7")]


# ---------------------------------------------------------------------------------------------------- same id, twice


def test_the_same_message_twice_in_a_turn_is_one_message() -> None:
    draft = Desk().came(entry("1"), entry("1"), entry("2")).turn()
    assert steps(draft) == ("1", "2")
    assert names(draft.consumed) == ["1", "1", "2"], "both deliveries are acked with the commit"


def test_the_same_id_with_another_body_is_a_conflict_that_stops_nothing() -> None:
    draft = Desk().came(entry("1"), entry("other", id="1"), entry("2")).turn()
    assert steps(draft) == ("1", "2")
    row = draft.turn.judged[1]
    assert (row.verdict, row.position, row.message.source) == (Verdict.CONFLICT, None, "conflict:psa")
    assert row.message.id.startswith("1#")
    assert codes(draft) == ["id_reused"]


def test_another_body_that_comes_twice_is_one_conflict() -> None:
    draft = Desk().came(entry("1"), entry("other", id="1"), entry("other", id="1")).turn()
    assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.APPLIED, Verdict.CONFLICT]
    assert len(draft.consumed) == 3
    identities = [(judged.message.source, judged.message.id) for judged in draft.turn.judged]
    assert len(set(identities)) == len(identities), "or the inbox would refuse the turn for ever"


def test_a_conflict_within_a_turn_is_only_supposed_until_the_inbox_says_so() -> None:
    # It may be the first of the two that is the conflict: the message itself is not marked.
    true = entry("1")
    Desk().came(entry("other", id="1"), true).turn()
    assert not true.conflict


def test_what_the_inbox_knows_as_a_conflict_makes_no_conflict_of_the_true_message() -> None:
    other = entry("other", id="1")
    other.conflict = True
    draft = Desk().came(other, entry("1")).turn()
    assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.CONFLICT, Verdict.APPLIED]


# --------------------------------------------------------------------------------------------------------------- limits


def test_a_turn_takes_so_many_messages_and_leaves_the_rest_where_they_are() -> None:
    draft = Desk(fold=2).came(*(entry(name) for name in "1234")).turn()
    assert steps(draft) == ("1", "2")
    assert names(draft.consumed) == ["1", "2"]
    assert draft.turn.lane == EMPTY_LANE
    assert draft.stopped_short


def test_an_overflowing_mailbox_goes_into_the_lane_as_a_whole_the_oldest_first() -> None:
    draft = Desk(fold=2, mailbox=3).came(*(entry(name) for name in "12345")).turn()
    assert steps(draft) == ("1", "2")
    assert verdicts(draft)[2:] == [("3", Verdict.QUEUED, 1), ("4", Verdict.QUEUED, 2), ("5", Verdict.QUEUED, 3)]
    assert draft.stopped_short, "its lane is open"


def test_from_then_on_the_key_takes_work_from_its_lane_only() -> None:
    draft = Desk(fold=1).stands(Step(name="1"), Step(name="2")).came(entry("3")).turn()
    assert steps(draft) == ("1",)
    assert verdicts(draft) == [("1", Verdict.APPLIED, None), ("3", Verdict.QUEUED, 3)]
    assert draft.stopped_short


def test_a_page_of_a_longer_lane_is_not_taken_for_all_of_it() -> None:
    desk = Desk().stands(Step(name="1"), Step(name="2")).came(entry("3"))
    desk.activation.lane = desk.activation.lane[:1]
    draft = desk.turn()
    assert verdicts(draft) == [("1", Verdict.APPLIED, None), ("3", Verdict.QUEUED, 3)]
    assert draft.turn.lane.depth == 2


# ---------------------------------------------------------------------------------------------------------- references


def test_a_reference_that_is_not_loaded_ends_the_turn_before_its_message() -> None:
    draft = Desk().came(entry("1"), entry("2", Step(name="2", needs="b")), entry("3")).turn()
    assert (steps(draft), names(draft.consumed), draft.stopped_short) == (("1",), ["1"], True)


def test_a_message_that_came_after_the_loading_is_decided_next_time() -> None:
    # Given a turn in which nothing else is decided
    desk = Desk().came(entry("1", Step(name="1", needs="b")))
    first = desk.turn()
    assert (first.size, first.stopped_short) == (0, True)
    # When its reference is loaded for the next one, then nobody had to be asked
    assert steps(desk.knows(B, "done").turn()) == ("1",)


def test_references_that_lead_to_ever_more_are_parked_at_the_second_look() -> None:
    desk = Desk().came(entry("1", Step(name="1", leads_on=True)))
    assert desk.turn().size == 0
    draft = desk.turn()
    assert (verdicts(draft), codes(draft)) == ([("1", Verdict.PARKED, 1)], ["references_unsettled"])


def test_what_a_bound_id_means_must_be_loaded_too() -> None:
    desk = Desk().came(entry("1", Step(name="1", needs="erp:7")))
    desk.references[theirs("7")] = Snapshot(theirs("7"), 1, Binding(entity="job", id="b"))
    assert desk.turn().size == 0
    draft = desk.knows(B, "done", version=9).turn()
    assert draft.turn.relied == {B: 9}, "a binding never moves again, so it is not checked"


def test_an_unbound_id_is_waited_for_and_checked() -> None:
    desk = Desk().came(entry("1", Step(name="1", needs="erp:7")))
    desk.references[theirs("7")] = Snapshot(theirs("7"), 0, Unbound())
    draft = desk.turn()
    assert (draft.turn.lane.target, draft.turn.lane.seen, draft.turn.relied) == (theirs("7"), 0, {theirs("7"): 0})


# ------------------------------------------------------------------------------------------------------- our own bugs


@pytest.mark.parametrize(
    ("does", "code"),
    [
        ("raise", "decision_failed"),
        ("wait for a stranger", "wait_unnamed"),
        ("wait for itself", "wait_unnamed"),
    ],
)
def test_a_decision_that_breaks_the_rules_parks_its_message_alone(does: str, code: str) -> None:
    bad = Step.model_validate({"name": "2", "does": does})
    draft = Desk().came(entry("1"), entry("2", bad), entry("3")).turn()
    assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.APPLIED, Verdict.PARKED, Verdict.QUEUED]
    assert codes(draft) == [code]


def test_somebody_hears_of_a_decision_that_raised() -> None:
    desk = Desk().came(entry("1", Step(name="1", does="raise")))
    desk.turn()
    assert [type(error) for error in desk.failed] == [ArithmeticError]


def test_results_of_a_run_are_decided_in_one_turn_and_the_last_ends_its_lease() -> None:
    first, second, third = (answered(A, line) for line in "123")
    run = [replace(first, ends_lease=False), replace(second, ends_lease=False), third]
    settled = Desk().heard(*run).turn().turn.settled
    assert [each.command.line for each in settled] == ["1", "2", "3"]
    assert [each.token for each in settled] == [None, None, third.leased.token]


def test_a_result_whose_decision_raises_parks_its_command() -> None:
    desk = Desk().heard(answered(A, "1"))
    broken = desk.activation.answers.pop(0)
    command = broken.leased.command._replace(body=b"?")
    desk.heard(Answered(replace(broken.leased, command=command), broken.outcome))
    draft = desk.turn()
    assert [settled.settlement for settled in draft.turn.settled] == [Settlement.PARKED]
    assert codes(draft) == ["decision_failed"]


def test_a_claim_that_another_holds_and_that_is_asked_for_again_is_parked() -> None:
    desk = Desk().came(entry("1"), entry("2", Step(name="2", claims="x")), entry("3"))
    desk.activation.taken[Claim("job", "x")] = B
    draft = desk.turn()
    assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.APPLIED, Verdict.PARKED, Verdict.QUEUED]
    assert draft.turn.opened[0].case.failure.failure_class is FailureClass.DUPLICATE
    assert "job/b" in draft.turn.opened[0].case.failure.reason


def test_a_systems_id_that_is_bound_to_another_parks_the_command_that_brought_it() -> None:
    desk = Desk().heard(answered(A, "1", binds="7"))
    desk.activation.taken[Claim(EXTERNAL, theirs("7").id)] = B
    draft = desk.turn()
    assert (codes(draft), draft.turn.binds) == (["taken"], [])


# -------------------------------------------------------------------------------------- what could not be written down


def crowded() -> Desk:
    """A key with something of everything."""
    conflict = entry("other", id="m1")
    conflict.conflict = True
    desk = Desk().heard(answered(A, "1"), answered(A, "2")).stands(Step(name="l1"), Step(name="l2"))
    return desk.came(conflict, entry("m1"), entry("m2", Step(name="m2", does="park")), entry("m3"), entry("m4"))


@pytest.mark.parametrize("limit", range(1, 10))
def test_a_narrowed_turn_writes_so_many_and_no_more(limit: int) -> None:
    desk = crowded()
    desk.activation.limit = limit
    draft = desk.turn()
    assert draft.size == limit
    assert draft.stopped_short == (limit < 9)
    # and what it writes is the beginning of what the whole turn writes, but that results do not wait for the lane
    whole = crowded().turn()
    assert [s.command.line for s in draft.turn.settled] == [s.command.line for s in whole.turn.settled][:limit]


def test_a_narrowed_turn_that_is_full_after_the_lane_queues_what_comes_later_in_another() -> None:
    desk = Desk().stands(Step(name="l1"), Step(name="l2")).came(entry("m1"))
    desk.activation.limit = 1
    assert verdicts(desk.turn()) == [("l1", Verdict.APPLIED, None)]


def test_what_cannot_be_written_is_parked_wherever_it_stands() -> None:
    # Given a message that the database refused, and a result that has come since
    bad = entry("bad")
    desk = Desk().came(bad, entry("good")).heard(answered(A, "1"))
    desk.activation.refused[bad.message.ref] = "a value out of range"
    # When the turn is decided again, then the result is not taken for it
    draft = desk.turn()
    assert [settled.settlement for settled in draft.turn.settled] == [Settlement.DONE]
    assert verdicts(draft) == [("bad", Verdict.PARKED, 1), ("good", Verdict.QUEUED, 2)]
    assert draft.turn.opened[0].case.failure.reason == "a value out of range"


@pytest.mark.parametrize("outcome", [None, Unknown(LOST)])
def test_a_result_that_cannot_be_written_parks_its_command(outcome: Unknown | None) -> None:
    desk = Desk().heard(answered(A, "1", outcome))
    desk.activation.refused[command_id(ERP, "job.do", A, "1", 1)] = "a value out of range"
    assert codes(desk.turn()) == ["data_refused"]


def test_narrowing_halves_until_one_is_left_and_then_names_it() -> None:
    activation, ref = Activation(A), UUID(int=1)
    for size, limit in [(9, 4), (4, 2), (2, 1)]:
        activation.narrow(size, ref, "refused")
        assert (activation.limit, activation.refused) == (limit, {})
    activation.narrow(1, ref, "refused")
    assert (activation.limit, activation.refused) == (1, {ref: "refused"})


# ------------------------------------------------------------------------------------------- an id that is not bound


def held(desk: Desk) -> Draft:
    """A turn of an unbound external key."""
    desk.activation.key = theirs("7")
    return hold(desk.activation, Memory(Row(theirs("7"), 1, 0, None, 0, desk.lane), Unbound()), RULES)


def test_messages_of_an_unbound_id_wait_in_order_under_it() -> None:
    draft = held(Desk().came(entry("1"), entry("1"), entry("2")))
    assert verdicts(draft) == [("1", Verdict.WAITING, 1), ("2", Verdict.QUEUED, 2)]
    assert len(draft.consumed) == 3
    assert (draft.turn.lane.state, draft.turn.lane.depth, draft.turn.lane.target) == (LaneState.WAITING, 2, None)
    assert "erp/job/7" in (draft.turn.lane.reason or "")


def test_later_ones_stand_behind() -> None:
    desk = Desk().stands(Step(name="1"), verdict=Verdict.WAITING, state=LaneState.WAITING).came(entry("2"))
    assert verdicts(held(desk)) == [("2", Verdict.QUEUED, 2)]


def test_a_conflict_under_an_unbound_id_is_no_message_of_its_lane() -> None:
    draft = held(Desk().came(entry("1"), entry("other", id="1")))
    assert [verdict for _, verdict, _ in verdicts(draft)] == [Verdict.WAITING, Verdict.CONFLICT]
    assert draft.turn.lane.depth == 1


def test_a_conflict_alone_leaves_the_lane_of_an_unbound_id_as_it_is() -> None:
    other = entry("other", id="1")
    other.conflict = True
    assert held(Desk().came(other)).turn.lane == EMPTY_LANE


def test_a_narrowed_turn_of_an_unbound_id_holds_so_many() -> None:
    desk = Desk().came(*(entry(name) for name in "123"))
    desk.activation.limit = 2
    draft = held(desk)
    assert (draft.size, draft.stopped_short) == (2, True)


def test_a_judged_message_knows_where_it_was() -> None:
    draft = Desk().stands(Step(name="1"), verdict=Verdict.WAITING).turn()
    assert isinstance(draft.turn.judged[0], Judged)
    assert draft.turn.judged[0].was is Verdict.WAITING
