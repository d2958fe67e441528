"""A story that kept every promise passes; each that broke one is found, and named by what it broke.

Longer than a file should be, so that all that can be spoilt stands in one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.checker.check import check
from tests.checker.content import content, raw
from tests.checker.evidence import (
    Ack,
    Allowed,
    Case,
    Cell,
    Claim,
    Closing,
    Command,
    DeadLetter,
    Evidence,
    Inboxed,
    Line,
    Pause,
    Published,
    Request,
    Sent,
    Step,
    Unsettled,
)
from tests.checker.report import Invariant, TooFewFaults, demand
from tests.checker.small import (
    BILL,
    CRM,
    FIRST,
    MORE,
    POISONED,
    PROJECT,
    PSA,
    SECOND,
    SHEET,
    SMALL,
    WAITING,
    WON,
    effect,
    row,
)

Spoilt = Callable[[], Evidence]


def but(**changes: Any) -> Evidence:
    """The small story with other rows of some kinds."""
    return replace(SMALL, **changes)


def without(what: str, *places: int) -> Evidence:
    """The small story without some rows of a kind."""
    rows = getattr(SMALL, what)
    return but(**{what: tuple(row for place, row in enumerate(rows) if place not in places)})


def with_other(what: str, place: int, /, **changes: Any) -> Evidence:
    """The small story with one row of a kind changed."""
    rows = list(getattr(SMALL, what))
    rows[place] = replace(rows[place], **changes)
    return but(**{what: tuple(rows)})


def with_more(what: str, *more: Any) -> Evidence:
    """The small story with more rows of a kind."""
    return but(**{what: (*getattr(SMALL, what), *more)})


def hold(place: int, commit: str) -> Evidence:
    """The project is put on hold by a message at some place of the timeline."""
    held = Published(CRM, "held", PROJECT, "project.status", "c-held", "r-held", 10, blocks=True)
    lines = list(SMALL.timeline)
    lines.insert(place, Line(PROJECT, 2, "applied", "held", commit=commit, at=3.5))
    entities = (replace(SMALL.entities[0], version=2), *SMALL.entities[1:])
    return but(
        published=(*SMALL.published, held), inbox=(*SMALL.inbox, row(held)), timeline=tuple(lines), entities=entities
    )


def numbered(first: int, second: int) -> Evidence:
    """The two messages of the sheet carry numbers."""
    sent = (
        WON, replace(BILL, sequence=first), replace(BILL, sequence=first, place=3), SMALL.published[3],
        replace(MORE, sequence=second), *SMALL.published[5:],
    )  # fmt: skip
    return but(published=sent)


def closed(place: int, *closings: Closing) -> Evidence:
    """Numbers 1 and 3 of the sheet; at a place of the timeline somebody gives up waiting for 2."""
    lines = list(SMALL.timeline)
    lines.insert(place, Line(SHEET, 1, "gap_closed", commit="y"))
    return replace(numbered(1, 3), contiguous=frozenset({PSA}), timeline=tuple(lines), closings=closings)


def behind_a_hole(number: int = 2, **changes: Any) -> Evidence:
    """The sheet that waits does so for a number that is missing."""
    entities = (*SMALL.entities[:3], replace(SMALL.entities[3], target=None, seen=None))
    sent = (*numbered(1, 2).published[:8], replace(SMALL.published[8], sequence=number, needs=()))
    return but(entities=entities, published=sent, contiguous=frozenset({PSA}), **changes)


def undecided_before() -> Evidence:
    """Number 1 of the sheet stands undecided while number 2 is applied."""
    evidence = numbered(2, 1)
    return replace(evidence, timeline=(Line(SHEET, 0, "queued", "s2", commit="a"), *evidence.timeline))


def claimed(*at: float, command: str = "s1-1", walls: tuple[float, ...] = (), **limits: Any) -> Evidence:
    """The small story with claims at these times, each at each of these wall clocks, and with limits of the ERP."""
    others = (Claim("erp", id, 0, (100.0,)) for id in ("p1", "s1-2"))
    claims = tuple(Claim("erp", command, when, (when, *walls)) for when in at)
    return but(claimed=(*others, *claims) if not limits else claims, allowed=(Allowed("erp", **limits),))


def forgotten(key: str) -> Evidence:
    """Something of a key was done before a restore, and its message was not taken in again."""
    done = replace(effect(Step("erp", key, "billable.post", "9"), "lost", "1.00"), key=key)
    request = Request("erp", "lost", f"{key}/9/1", "b-lost")
    more = replace(with_more("effects", done), requests=(*SMALL.requests, request))
    return replace(more, forgotten=frozenset({"lost"}))


def swapped(what: str, first: int, second: int) -> Evidence:
    """Two rows of a kind in the other order."""
    rows = list(getattr(SMALL, what))
    rows[first], rows[second] = rows[second], rows[first]
    return but(**{what: tuple(rows)})


def overtaken() -> Evidence:
    """What stands behind the parked head of its lane is applied all the same."""
    lines = (*SMALL.timeline[:8], Line(POISONED, 1, "applied", "x2", commit="h"), SMALL.timeline[9])
    return replace(with_other("inbox", 5, verdict="applied", position=None), timeline=lines)


def test_a_story_that_kept_every_promise_passes() -> None:
    assert check(SMALL).violations == ()


def test_what_was_not_confirmed_promises_nothing() -> None:
    lost = Published(CRM, "lost", PROJECT, "project.won", "c-lost", "r-lost", 10, is_confirmed=False)
    assert check(with_more("published", lost)).violations == ()


def test_a_message_may_be_applied_in_the_commit_that_blocks_it_or_before() -> None:
    assert check(hold(3, "c")).violations == ()
    assert check(hold(5, "e2")).violations == ()


def test_numbers_may_have_gaps_where_the_source_does_not_promise_otherwise() -> None:
    assert check(numbered(2, 7)).violations == ()


def raised(*endings: str | None) -> Evidence:
    """The first command of the sheet got another generation after attempts that ended so."""
    attempts = tuple(Sent("s1-1", number, ending) for number, ending in enumerate(endings, 1))
    confirmed = (Sent("s1-1b", 1, "confirmed"), *SMALL.sent[2:])
    return replace(with_more("commands", Command("s1-1b", FIRST, 2, (1, 0))), sent=(*attempts, *confirmed))


@pytest.mark.parametrize(
    "endings",
    [
        ("rejected",),
        ("unknown", "absent"),
        (None, "unknown", "absent", "unanswered"),
        ("deferred", "unsent", "rejected"),
    ],
)
def test_a_generation_that_did_nothing_may_have_another_after_it(endings: tuple[str | None, ...]) -> None:
    assert Invariant.STABLE_KEYS not in check(raised(*endings)).broken


@pytest.mark.parametrize(
    "endings",
    [
        (), ("unsent",), ("unanswered", "deferred"), (None, "rejected"), ("unknown", "rejected"),
        ("rejected", "unknown"), (None, "unknown", "rejected"), ("absent", "unknown"), ("unknown", "absent", None),
        ("absent", "confirmed"),
    ],
)  # fmt: skip
def test_a_generation_that_may_have_taken_effect_has_none_after_it(endings: tuple[str | None, ...]) -> None:
    found = [violation for violation in check(raised(*endings)).violations if "generation 2" in violation.why]
    assert [(violation.invariant, violation.of) for violation in found] == [(Invariant.STABLE_KEYS, " ".join(FIRST))]


def paused(*pauses: Pause) -> Evidence:
    """A command and a lane stand still, for pauses if any."""
    entities = list(SMALL.entities)
    entities[3] = replace(entities[3], lane="paused", reason="paused by anna", target=None, seen=None)
    inbox = (*SMALL.inbox[:6], replace(SMALL.inbox[6], verdict="queued"))
    return replace(
        with_other("outbox", 0, is_parked=False), entities=tuple(entities), inbox=inbox, pauses=pauses,
        timeline=tuple(line for line in SMALL.timeline if line.what != "waiting"),
    )  # fmt: skip


@pytest.mark.parametrize("pauses", [[Pause()], [Pause("timesheet"), Pause("project", "P")], [Pause(legal_entity="D")]])
def test_what_a_pause_in_force_holds_may_stand_still(pauses: list[Pause]) -> None:
    assert Invariant.LIVE not in check(paused(*pauses)).broken


@pytest.mark.parametrize("pauses", [[], [Pause("customer")], [Pause("timesheet", "V"), Pause("project", "Q")]])
def test_what_stands_still_without_its_pause_is_found(pauses: list[Pause]) -> None:
    found = [violation for violation in check(paused(*pauses)).violations if violation.invariant is Invariant.LIVE]
    assert {violation.of for violation in found} == {WAITING, f"erp {PROJECT}"}


def test_a_gap_that_a_person_closed_is_none() -> None:
    assert check(closed(2, Closing(PSA, SHEET, SHEET, 2))).violations == ()


def test_what_waits_for_a_number_may_need_nothing_else() -> None:
    assert check(behind_a_hole()).violations == ()


def stale(first: int, second: int) -> Evidence:
    """The second message of the sheet is stale."""
    evidence = numbered(first, second)
    lines = (*evidence.timeline[:6], replace(evidence.timeline[6], what="stale", version=3), *evidence.timeline[7:])
    inbox = (*evidence.inbox[:3], replace(evidence.inbox[3], verdict="stale"), *evidence.inbox[4:])
    entities = (evidence.entities[0], replace(evidence.entities[1], version=3), *evidence.entities[2:])
    return replace(evidence, timeline=lines, inbox=inbox, entities=entities)


def test_what_was_overtaken_is_stale() -> None:
    assert check(stale(3, 2)).violations == ()


@pytest.mark.parametrize(
    "evidence",
    [
        claimed(100, 100, 100.5, 101, rate=2.0, burst=2),
        claimed(100, 101, 86_400, 86_401, quota=2, day_begins=0),
        claimed(103, hours=(90, 100), slack=5),
        claimed(5_000, walls=(95,), hours=(90, 100)),
    ],
)
def test_what_keeps_to_the_limits_passes(evidence: Evidence) -> None:
    each = replace(evidence, requests=evidence.requests[1:2], sent=evidence.sent[1:2])
    assert Invariant.LIMITS not in check(each).broken


def test_what_a_restore_forgot_may_be_missing_while_its_key_stands_still() -> None:
    assert check(forgotten(POISONED)).violations == ()


def test_what_a_restore_forgot_may_be_missing_while_what_its_key_awaits_stands_still() -> None:
    def awaiting(other: str) -> Evidence:
        lost = forgotten(SHEET)
        entities = (replace(each, awaits=other) if each.key == SHEET else each for each in lost.entities)
        return replace(lost, entities=tuple(entities))

    assert not [found for found in check(awaiting(POISONED)).violations if "restore" in found.why]
    assert [found for found in check(awaiting("customer/free")).violations if "restore" in found.why]


def test_what_a_restore_forgot_may_be_missing_while_a_topic_of_its_key_is_open() -> None:
    def standing(topic: str | None) -> Evidence:
        lost = forgotten(SHEET)
        return replace(lost, cases=(*lost.cases, Case(SHEET, "refused", is_open=True, ref="s1", topic=topic)))

    assert not [found for found in check(standing("step:DE01.shell")).violations if "restore" in found.why]
    assert [found for found in check(standing(None)).violations if "restore" in found.why]


def overwritten(*lines: str, lost: str) -> Evidence:
    """Puts of a customer that stand in the ERP, in their order; `lost` was forgotten by a restore."""
    customer = "customer/C"
    steps = {line: Step("erp", customer, "customer.put", line) for line in lines}
    return but(
        commands=(*SMALL.commands, *(Command(line, step, 1) for line, step in steps.items() if line != lost)),
        effects=(*SMALL.effects, *(effect(step, line, "0") for line, step in steps.items())),
        timeline=(
            *SMALL.timeline,
            *(Line(customer, 0, "command_done", command=line, commit=line) for line in lines if line != lost),
        ),
        forgotten=frozenset({lost}),
    )


def test_a_put_that_a_restore_forgot_is_made_good_by_the_next_of_its_record_only() -> None:
    def why(evidence: Evidence) -> list[str]:
        return [found.of for found in check(evidence).violations if "before a restore" in found.why]

    assert why(overwritten("DE01.1.a", "DE01.1.b", lost="DE01.1.a")) == []
    assert why(overwritten("DE01.1.a", "DE01.2.b", lost="DE01.2.b")) == ["customer/C/DE01.2.b/1"]
    assert why(overwritten("DE01.1.a", "UK01.2.b", lost="DE01.1.a")) == ["customer/C/DE01.1.a/1"]


def out_of_place(*unknown: str) -> Evidence:
    """The commands of the sheet were sent, took effect, and were settled against their places."""
    commands = [replace(each, place=None) if each.id in unknown else each for each in SMALL.commands]
    commands[1], commands[2] = replace(commands[1], place=(1, 1)), replace(commands[2], place=(1, 0))
    return but(commands=(*commands,))


def in_one_request(at: float = 6.5) -> Evidence:
    """Both commands of the sheet came in one request, the second right behind the first."""
    p1, first, second = SMALL.requests
    return but(requests=(p1, replace(first, batch=1), replace(second, batch=1, at=at)))


def test_what_is_right_behind_another_in_one_request_needs_no_decision() -> None:
    assert Invariant.ORDER not in check(in_one_request()).broken


def test_what_came_again_by_itself_needs_the_decision() -> None:
    evidence = in_one_request()
    alone = replace(SMALL.requests[2], at=6.7)
    assert Invariant.ORDER in check(replace(evidence, requests=(*evidence.requests, alone))).broken


def test_what_is_behind_another_takes_effect_only_if_that_one_has() -> None:
    evidence = in_one_request()
    timeline = tuple(line for line in SMALL.timeline if line.command != "s1-1")
    outbox = (*SMALL.outbox, Unsettled("s1-1", (1, 0)))
    spoilt = replace(evidence, effects=SMALL.effects[1:], timeline=timeline, outbox=outbox)
    why = [violation.why for violation in check(spoilt).violations if violation.invariant is Invariant.ORDER]
    assert why == ["took effect, and the one before it has not"]


def test_the_order_of_settling_is_no_proof_of_the_order_of_places() -> None:
    evidence = out_of_place("p1")
    third = Step("erp", SHEET, "billable.post", "3")
    line = replace(SMALL.timeline[4], command="s1-3", version=4, commit="z", at=20)
    more = replace(
        evidence, commands=(*evidence.commands, Command("s1-3", third, 1)), timeline=(*evidence.timeline, line)
    )
    assert Invariant.ORDER in check(more).broken


SPOILT: list[tuple[str, Invariant, str, Spoilt]] = [
    ("lost", Invariant.NO_LOSS, "won", lambda: without("inbox", 0)),
    ("bad and not kept", Invariant.NO_LOSS, PSA, lambda: without("dead_letters", 0)),
    ("good and buried", Invariant.NO_LOSS, "not_json", lambda: with_other("dead_letters", 0, raw="r-won")),
    ("from nowhere", Invariant.NO_LOSS, "z", lambda: with_more("inbox", Inboxed("z", CRM, "z", PROJECT, "c", "stale"))),
    ("under another key", Invariant.NO_LOSS, "won", lambda: with_other("inbox", 0, key="project/R")),
    ("unknown verdict", Invariant.NO_LOSS, "won", lambda: with_other("inbox", 0, verdict="gone")),
    ("discarded by nobody", Invariant.NO_LOSS, "won", lambda: with_other("inbox", 0, verdict="discarded")),
    ("two effects", Invariant.ONE_EFFECT, "1", lambda: with_more("effects", effect(FIRST, "s1-1", "0"))),
    ("two generations took effect", Invariant.ONE_EFFECT, "1",
     lambda: with_more("effects", effect(FIRST, "s1-1b", "0", 2))),
    ("another body", Invariant.STABLE_KEYS, "1/1",
     lambda: with_more("requests", Request("erp", "s1-1", f"{SHEET}/1/1", "other", 20))),
    ("another key", Invariant.STABLE_KEYS, "1/1",
     lambda: with_more("requests", Request("erp", "other", f"{SHEET}/1/1", "b-s1-1", 20))),
    ("a generation without proof", Invariant.STABLE_KEYS, FIRST.line,
     lambda: replace(with_more("commands", Command("s1-1b", FIRST, 2, (1, 0))), sent=(Sent("s1-1", 1, "unknown"),))),
    ("acked too early", Invariant.ATOMIC, "won", lambda: but(acks=(Ack("won", was_durable=False),))),
    ("lane and depth", Invariant.ATOMIC, POISONED, lambda: with_other("entities", 2, depth=3)),
    ("lane and head", Invariant.ATOMIC, POISONED, lambda: with_other("entities", 2, lane="waiting")),
    ("one place twice", Invariant.ATOMIC, POISONED, lambda: with_other("inbox", 5, position=1)),
    ("a follower with a verdict of its own", Invariant.ATOMIC, "x2", lambda: with_other("inbox", 5, verdict="waiting")),
    ("verdict without a line", Invariant.ATOMIC, "s2", lambda: without("timeline", 6)),
    ("line without a row", Invariant.ATOMIC, "s2", lambda: without("inbox", 3)),
    ("final and in a lane", Invariant.ATOMIC, "x2", lambda: with_other("inbox", 5, verdict="ignored")),
    ("a version that nothing made", Invariant.ATOMIC, PROJECT, lambda: with_other("entities", 0, version=2)),
    ("a version made twice", Invariant.ATOMIC, SHEET, lambda: with_other("timeline", 6, version=1)),
    ("done and in the outbox", Invariant.ATOMIC, "shell", lambda: with_other("timeline", 1, what="command_done")),
    ("settled twice", Invariant.ATOMIC, "s1-1", lambda: with_more("timeline", SMALL.timeline[4])),
    ("an effect that nobody asked for", Invariant.ATOMIC, "shell",
     lambda: with_more("effects", replace(effect(SECOND, "zz", "0"), operation="shell", reference="shell/1"))),
    ("forgotten by a restore", Invariant.ATOMIC, SHEET, lambda: forgotten(SHEET)),
    ("applied though forbidden", Invariant.ATOMIC, "s1", lambda: hold(2, "b2")),
    ("a later one first", Invariant.ORDER, "s2", lambda: with_other("published", 4, place=0)),
    ("past one that is undecided", Invariant.ORDER, "x2", overtaken),
    ("numbers out of order", Invariant.ORDER, "s2", lambda: numbered(2, 1)),
    ("a number left out", Invariant.ORDER, "s2", lambda: replace(numbered(1, 3), contiguous=frozenset({PSA}))),
    ("stale without cause", Invariant.ORDER, "s2", lambda: stale(2, 3)),
    ("a gap closed too late", Invariant.ORDER, "s2", lambda: closed(7, Closing(PSA, SHEET, SHEET, 2))),
    ("past a number that is undecided", Invariant.ORDER, "s1", undecided_before),
    ("a number applied twice", Invariant.ORDER, "s2", lambda: numbered(2, 2)),
    ("a gap closed by nobody", Invariant.ATOMIC, SHEET, lambda: closed(2)),
    ("a gap closed and not told", Invariant.ATOMIC, SHEET, lambda: but(closings=(Closing(PSA, SHEET, SHEET, 2),))),
    ("waits for a number that is there", Invariant.LIVE, "w1", lambda: behind_a_hole(1)),
    ("past the deadline of a gap", Invariant.LIVE, "w1", lambda: behind_a_hole(overdue=frozenset({PSA}))),
    ("the case of a wait that is over", Invariant.LIVE, "won",
     lambda: with_more("cases", Case(PROJECT, "wait_overdue", is_open=True, ref="won"))),
    ("a case of what is applied", Invariant.LIVE, "won",
     lambda: with_more("cases", Case(PROJECT, "tax_profile_unmapped", is_open=True, ref="won"))),
    ("too many at once", Invariant.LIMITS, "s1-1", lambda: claimed(100, 100, 100, rate=2.0, burst=2)),
    ("too many in a while", Invariant.LIMITS, "s1-1", lambda: claimed(90, 100, 100.4, 100.8, 101.2, rate=2.0, burst=1)),
    ("too many in a day", Invariant.LIMITS, "erp", lambda: claimed(1, 2, 3, quota=2, day_begins=0)),
    ("at the wrong hour", Invariant.LIMITS, "s1-1", lambda: claimed(106, hours=(90, 100), slack=5)),
    ("sent without a claim", Invariant.LIMITS, "s1-1", claimed),
    ("logged without a claim", Invariant.LIMITS, "p1",
     lambda: replace(claimed(1), sent=(Sent("p1", 2, "rejected"), *SMALL.sent[1:]))),
    ("effects out of order", Invariant.ORDER, FIRST.line, lambda: swapped("effects", 0, 1)),
    ("sent before the decision", Invariant.ORDER, SECOND.line, lambda: with_other("requests", 2, at=6.5)),
    ("parked by another", Invariant.ISOLATION, "x1",
     lambda: but(published=tuple(replace(sent, stops=False) for sent in SMALL.published))),
    ("waits for nothing", Invariant.ISOLATION, "w1", lambda: with_other("published", 8, needs=())),
    ("money missing", Invariant.TOTALS, SHEET, lambda: with_other("effects", 1, amount=Decimal("2.99"))),
    ("done without an effect", Invariant.TOTALS, SECOND.line, lambda: without("effects", 1)),
    ("two rows", Invariant.REPLAY, "s2", lambda: with_more("inbox", replace(SMALL.inbox[3], ref="s2 again"))),
    ("applied twice", Invariant.REPLAY, "s2", lambda: with_more("timeline", SMALL.timeline[6])),
    ("left in a queue", Invariant.LIVE, "broker", lambda: but(in_queues=1)),
    ("an open lane", Invariant.LIVE, POISONED, lambda: with_other("entities", 2, lane="open")),
    ("no reason", Invariant.LIVE, POISONED, lambda: with_other("entities", 2, reason=None)),
    ("a wake-up lost", Invariant.LIVE, WAITING, lambda: with_other("entities", 3, target=PROJECT)),
    ("parked and no case", Invariant.LIVE, "x1", lambda: with_other("cases", 2, is_open=False)),
    ("a command that is not sent", Invariant.LIVE, PROJECT, lambda: with_other("outbox", 0, is_parked=False)),
    ("a parked command without a case", Invariant.LIVE, PROJECT, lambda: without("cases", 0)),
    ("leased", Invariant.LIVE, SHEET, lambda: but(leases=(("erp", SHEET),))),
    ("a wake left", Invariant.LIVE, PROJECT, lambda: but(wakes=(PROJECT,))),
    ("bound and waiting", Invariant.LIVE, WAITING, lambda: but(bindings={WAITING: "timesheet/V"})),
    ("untold", Invariant.LIVE, "notices", lambda: but(untold=2)),
    ("a task has died", Invariant.LIVE, "committer", lambda: but(deaths=("committer",))),
    ("a conflict dropped", Invariant.CONFLICT_SEEN, "s1", lambda: without("inbox", 2)),
    ("a conflict without a case", Invariant.CONFLICT_SEEN, "s1", lambda: without("cases", 1)),
    ("a conflict taken for a message", Invariant.CONFLICT_SEEN, "s1",
     lambda: with_other("inbox", 2, is_conflict=False)),
]  # fmt: skip


@pytest.mark.parametrize(("invariant", "of", "spoilt"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_what_broke_a_promise_is_found_and_named(invariant: Invariant, of: str, spoilt: Spoilt) -> None:
    found = [violation for violation in check(spoilt()).violations if violation.invariant is invariant]
    assert any(of in violation.of for violation in found), check(spoilt()).text()


def test_every_invariant_that_leaves_a_trace_has_a_test() -> None:
    assert {case[1] for case in SPOILT} == set(Invariant) - {Invariant.CLOCKS}


def test_the_report_says_it_all_in_plain_text() -> None:
    text = check(replace(without("inbox", 0), faults={Cell("commit in flight", "kill"): 3})).text()
    assert "1 no loss                    BROKEN 1 times" in text
    assert f"{PROJECT} {CRM} won: was confirmed, and stands nowhere" in text
    assert "9 live                       holds" in text
    assert "commit in flight × kill: 3" in text


def test_a_message_may_be_taken_for_a_killer_where_processes_were_killed_each_time_that_it_ran() -> None:
    def taken(code: str, kills: int) -> bool:
        letter = DeadLetter(SMALL.published[0].raw, code)
        kill = Cell("commit in flight", "kill")
        found = check(replace(with_more("dead_letters", letter), faults={kill: kills})).violations
        return any("could be read" in each.why for each in found)

    assert not taken("kills_process", 3)
    assert taken("kills_process", 2)
    assert taken("not_json", 3)


def test_a_message_may_be_parked_as_a_killer_where_processes_were_killed_each_time_that_it_ran_alone() -> None:
    def blamed(code: str, kills: int) -> bool:
        innocent = with_other("published", 6, stops=False)
        cases = (*innocent.cases[:2], replace(innocent.cases[2], code=code))
        found = check(replace(innocent, cases=cases, faults={Cell("commit in flight", "kill"): kills})).violations
        return any("no fault of its own" in each.why for each in found)

    assert not blamed("kills_process", 2)
    assert blamed("kills_process", 1)
    assert blamed("wrong", 9)


def test_each_message_that_is_called_a_killer_needs_kills_of_its_own() -> None:
    innocent = with_other("published", 6, stops=False)
    killers = (*innocent.cases[:2], replace(innocent.cases[2], code="kills_process"))
    buried = DeadLetter(SMALL.published[0].raw, "kills_process")

    def whys(kills: int) -> str:
        faults = {Cell("commit in flight", "kill"): kills}
        both = replace(innocent, cases=killers, dead_letters=(*innocent.dead_letters, buried), faults=faults)
        return " ".join(each.why for each in check(both).violations)

    assert "no fault of its own" in whys(4)
    assert "could be read" not in whys(4)
    assert "no fault of its own" not in whys(5)


def test_too_few_faults_are_no_proof() -> None:
    kill, cut = Cell("commit in flight", "kill"), Cell("broker", "connection cut")
    report = check(replace(SMALL, faults={kill: 3}))
    demand(report, {kill: 3})
    with pytest.raises(TooFewFaults, match="broker × connection cut: 0 of 1"):
        demand(report, {kill: 3, cut: 1})


def test_a_digest_of_what_an_event_says_leaves_out_what_only_carries_it() -> None:
    one = b'{"id": "1", "type": "t", "subject": "s", "data": {"a": 1, "b": 2}}'
    two = b'{"type": "t", "data": {"b": 2, "a": 1}, "subject": "s", "traceparent": "x"}'
    assert content(one) == content(two) != content(one.replace(b"2", b"3"))
    assert raw(one) != raw(two)
