"""States as earlier releases stored them: never edited, and read by this one.

They stand in `states/<entity>.v<schema number>.<what>.json`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from actors.decision import Request, State
from actors.registry import ACTORS
from adapters.ports.turns import Row
from gateway.references import read_state
from gateway.unreadable import Unreadable
from schemas.acts import Act, Acted
from schemas.customer.entity import Customer
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.customer import CustomerPut
from schemas.project.entity import Milestone, Project
from schemas.record import Record
from tests.actors.firm import BRIDGE, SHEET, SHIPYARD, approved, corrected, credit, customer, line, opened, trade
from tests.actors.stage import POLICY, Given, accepted

STATES = sorted((Path(__file__).parent / "states").glob("*.json"))


def row(path: Path) -> Row:
    """A state as it stands in the database."""
    entity, schema, _ = path.stem.split(".")
    key = next(key for key in (SHIPYARD, BRIDGE, SHEET) if key.entity == entity)
    return Row(key, 1, 1, path.read_bytes(), int(schema.removeprefix("v")))


def stored(name: str) -> Given:
    """An entity whose state an earlier release stored."""
    found = row(next(path for path in STATES if path.stem == name))
    return Given(ACTORS[found.key.entity], found.key, read_state(ACTORS, found, POLICY))


@pytest.mark.parametrize("path", STATES, ids=lambda path: path.stem)
def test_each_stored_state_is_read(path: Path) -> None:
    state = read_state(ACTORS, row(path), POLICY)
    assert type(state) is ACTORS[row(path).key.entity].state, state


def test_there_is_a_stored_state_of_each_earlier_schema_number() -> None:
    wanted = {f"{actor.entity}.v{number}" for actor in ACTORS.values() for number in range(1, actor.schema)}
    assert wanted <= {path.stem.rpartition(".")[0] for path in STATES}


def test_a_customer_of_version_1_is_kept_up_to_date_in_the_erps_that_had_it() -> None:
    given = stored("customer.v1.known")
    # When its hold is released, then each ERP is asked under its own id of the customer
    puts = [request for request in given.asked(credit(on_hold=False)) if isinstance(request.body, CustomerPut)]
    assert [(put.system, put.body.erp_id, put.body.on_hold) for put in puts if isinstance(put.body, CustomerPut)] == [
        ("erp", "10042", False),
        ("us-erp", "C-77", False),
    ]
    # And no line is one that was used before
    assert [put.line.split(".")[:2] for put in puts] == [["DE01", "3"], ["US01", "3"]]


def test_the_tax_id_that_a_customer_of_version_1_holds_is_given_back_when_it_has_another() -> None:
    decision = accepted(stored("customer.v1.known").when(customer("DE01", "US01", tax_id="DE2")))
    assert Claim("customer.tax_id", "DE/DE1") in decision.releases
    assert Claim("customer.tax_id", "DE/DE2") in decision.claims


def test_a_customer_of_version_1_that_no_erp_had_yet_is_told_of_by_the_answer() -> None:
    given = stored("customer.v1.asked")
    (put, *_) = [each for each in given.asked(credit(on_hold=True)) if isinstance(each.body, CustomerPut)]
    known = given.after(given.confirmed(put, "10042")).state
    assert isinstance(known, Customer)
    assert known.erp_ids == {"DE01": "10042"}


def test_what_version_1_was_not_answered_counts_on_and_stays_in_its_erp() -> None:
    given = stored("customer.v1.asked")
    assert isinstance(given.state, Customer)
    assert [(each.system, each.external_id) for each in given.state.records] == [("erp", None), ("us-erp", None)]
    assert counted(given, credit(on_hold=True)) == [("erp", "2"), ("us-erp", "2")]


def test_a_hold_that_came_before_the_customer_of_version_1_counts() -> None:
    held = stored("customer.v1.held_first").asked(customer())
    assert [each.body.on_hold for each in held if isinstance(each.body, CustomerPut)] == [True]


def test_time_is_billed_on_a_project_of_version_1_where_it_was_begun() -> None:
    others = {BRIDGE: stored("project.v1.running").state}
    (post,) = replace(Given(ACTORS["timesheet"], SHEET, ACTORS["timesheet"].state()), others=others).asked(
        approved(line("1", "2", role="partner"))
    )
    assert isinstance(post.body, BillablePost)
    assert (post.system, post.body.project, post.body.amount) == ("erp", "PRJ-1", Decimal("621.00"))


def test_a_sheet_of_version_1_is_corrected() -> None:
    given = replace(stored("timesheet.v1.approved"), others={BRIDGE: stored("project.v1.running").state})
    requests = given.asked(corrected(line("1", "6"), line("2", "4", role="partner")))
    assert [(request.system, request.operation, request.line) for request in requests] == [
        ("erp", "billable.reverse", "1.r1"),
        ("erp", "billable.post", "1.r2"),
    ]
    assert isinstance(requests[0].body, BillableReverse)
    assert requests[0].body.reverses == "timesheet/T-1/1.r1/1"


def test_a_project_of_version_1_is_not_made_again_where_it_stands() -> None:
    project = stored("project.v1.running").state
    assert isinstance(project, Project)
    assert (project.erp, project.psa, project.had) == ("erp", "psa", {"erp": "PRJ-1", "psa": "4711"})
    half = stored("project.v1.in_erp").state
    assert isinstance(half, Project)
    assert (half.erp, half.psa, half.had) == ("erp", None, {"erp": "PRJ-1"})
    won = stored("project.v1.won").state
    assert isinstance(won, Project)
    assert (won.erp, won.had, won.starts_on) == (None, {}, date(2026, 1, 5))


def test_a_milestone_of_version_1_is_known_and_shown_to_nobody_for_want_of_its_day() -> None:
    given = stored("project.v1.milestone_first")
    assert isinstance(given.state, Project)
    assert given.state.milestones == {"M1": Milestone(name="M1")}
    assert accepted(given.when(opened())).requests == ()


def test_systems_that_neither_the_state_nor_the_policy_names_are_not_guessed() -> None:
    without = POLICY.model_copy(update={"legal_entities": {"JP01": POLICY.legal_entities["JP01"]}})
    for name in ("customer.v1.known", "project.v1.running"):
        state: State = read_state(ACTORS, row(next(path for path in STATES if path.stem == name)), without)
        assert isinstance(state, Unreadable)
        assert "list DE01 there with the systems that it had, then retry" in state.reason


def test_a_newer_state_than_this_release_knows_stays_closed() -> None:
    key = ActorKey("customer", "C-1")
    state = read_state(ACTORS, Row(key, 1, 1, b"{}", ACTORS["customer"].schema + 1), POLICY)
    assert isinstance(state, Unreadable)


def counted(given: Given, event: Record) -> list[tuple[str, str]]:
    """The system and the number of each put that an event asks for."""
    return [(each.system, each.line.split(".")[1]) for each in given.asked(event) if isinstance(each.body, CustomerPut)]


def test_a_customer_of_version_2_sends_nothing_again_and_each_erp_counts_on_from_what_all_were_sent() -> None:
    given = stored("customer.v2.asked")
    assert isinstance(given.state, Customer)
    # Then what is on its way has the name that it was given, and nothing is asked anew
    assert [row.line for row in given.state.records] == ["DE01.2.c9e3149e", "US01.2.b58c5ed2", "JP01.3.c19906cc"]
    assert counted(given, trade("E-2", "JP01")) == []
    # And what is sent next has a number that no earlier release has given
    assert counted(given, credit(on_hold=False)) == [("erp", "4"), ("us-erp", "4"), ("erp", "4")]


def test_the_answer_to_what_version_2_has_sent_is_that_of_its_record() -> None:
    given = stored("customer.v2.asked")
    assert isinstance(given.state, Customer)
    row = given.state.records[2]
    (body,) = [each.body for each in given.asked(credit(on_hold=False)) if each.line.startswith("JP01.")]
    sent = Request(row.system, "customer.put", row.line or "", body)
    assert [case.topic for case in accepted(given.when(given.refused(sent))).cases] == ["erp:JP01"]
    known = given.after(given.confirmed(sent, "J-1")).state
    assert isinstance(known, Customer)
    assert known.erp_ids["JP01"] == "J-1"


def test_what_version_2_was_refused_is_retried_under_a_number_of_its_own() -> None:
    retry = Acted(topic="erp:DE01", act=Act.RETRY, by="E-7", reason="mended")
    assert counted(stored("customer.v2.refused"), retry) == [("erp", "2")]


def test_what_version_2_was_refused_is_the_failure_of_the_record_that_was_asked() -> None:
    given = stored("customer.v2.refused")
    assert isinstance(given.state, Customer)
    refused, known = given.state.records
    assert refused.failure is not None
    assert (refused.failure.code, known.failure, given.state.failures) == ("period_closed", None, {})


def test_what_version_2_could_not_send_is_a_failure_of_the_whole_legal_entity() -> None:
    raw = orjson.loads(next(path for path in STATES if path.stem == "customer.v2.refused").read_bytes())
    raw["failures"]["DE01"]["code"] = "tax_profile_missing"
    state = read_state(ACTORS, Row(SHIPYARD, 1, 1, orjson.dumps(raw), 2), POLICY)
    assert isinstance(state, Customer)
    assert (list(state.failures), state.records[0].failure) == (["DE01"], None)


def test_a_merged_customer_of_version_2_stays_so() -> None:
    gone = stored("customer.v2.merged").state
    assert isinstance(gone, Customer)
    assert (gone.merged_into, {row.puts for row in gone.records}) == ("C-9", {4})
