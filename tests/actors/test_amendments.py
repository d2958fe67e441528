"""Amendments from the won deal to the billed hour: what finance sees when all goes well, and when it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from actors.decision import Ignore, Reject
from actors.policy import Policy
from schemas.acts import Act
from schemas.billed_month.v1 import Amended
from schemas.contract.entity import Contract
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.operations.contract import ContractPut
from schemas.project.entity import Project
from schemas.timesheet.v1 import Approved, RatesChanged
from tests.actors.agreements import (
    APRIL,
    DIRECTOR,
    END,
    JUNE,
    SOW,
    SUPERVISED,
    UNSUPERVISED,
    act,
    order,
    renewal,
    termination,
)
from tests.actors.firm import BRIDGE, SHIPYARD, WON, approved, deal, known_customer, line, part
from tests.actors.office import Office

DIRECTED: Policy = SUPERVISED.model_copy(update={"approvals": {"change": SUPERVISED.approvals["change"]}})
"""The finance director approves changes above 10,000."""
MARCH = date(2026, 3, 31)


def running(policy: Policy = UNSUPERVISED) -> Office:
    """The bridge is sold by the hour, 145 euros each, worth 50,000 until the end of the year; project, contract run."""
    office = Office(policy, {SHIPYARD: known_customer()})
    office.tell(WON, deal(part(ends_on=END, value="50000.00")))
    assert isinstance(office.states[BRIDGE], Project)
    assert contract(office).status == "in_force"
    return office


def contract(office: Office) -> Contract:
    """The contract of the bridge."""
    found = office.states[SOW]
    assert isinstance(found, Contract)
    return found


def sheet(day: date) -> Approved:
    """Eight hours of one day, approved."""
    return approved(line(day=day))


def billed(office: Office) -> list[str]:
    """The rate of each hour that the ERP was asked to bill, in order."""
    return [str(body.rate) for body in office.bodies("billable.post") if isinstance(body, BillablePost)]


def bill(office: Office, *days: date) -> list[str]:
    """A sheet for each of these days is approved once its day has come; answers the rates that were billed."""
    before = len(billed(office))
    for day in days:
        office.now = max(office.now, datetime.combine(day, time(17), UTC))
        office.tell(ActorKey("timesheet", f"T-{day}-{before}"), sheet(day))
    return billed(office)[before:]


def agreed(office: Office) -> list[int]:
    """The versions that the billing system was given, in order."""
    return [body.version for body in office.bodies("contract.put") if isinstance(body, ContractPut)]


def test_an_approved_amendment_is_billed_from_its_day_on() -> None:
    # Given the running bridge
    office = running()
    # When a small change order raises the rate from April on
    office.tell(SOW, order(2, change="500.00", rate="150.00"))
    # Then work of March has the old rate, work of April the new one, and billing has both versions
    assert bill(office, MARCH, APRIL) == ["145.00", "150.00"]
    assert agreed(office) == [1, 2]
    assert contract(office).value == Decimal("50500.00")
    assert office.cases == {}


def test_an_unapproved_amendment_changes_nothing_until_the_finance_director_approves_it() -> None:
    # Given new rates that only the account manager has approved
    office = running(DIRECTED)
    office.tell(SOW, order(2, change="0.00", rate="150.00", requested_by="E-7"))
    # Then it waits with a case for the finance director, and April is billed as before
    assert office.cases[SOW, "change_order:2"].owner == "finance_director"
    assert (bill(office, APRIL), agreed(office)) == (["145.00"], [1])
    # When the one who asked for it tries to approve it, then nothing changes
    asker = ("E-7", "finance_director")
    assert isinstance(office.tell(SOW, act(Act.APPROVE, "change_order:2", asker)), Ignore)
    # When the finance director approves it, then the next sheets have the new rate and the case is closed
    office.tell(SOW, act(Act.APPROVE, "change_order:2", DIRECTOR))
    assert (bill(office, APRIL), agreed(office), office.topics(SOW)) == (["150.00"], [1, 2], [])
    # And finance is asked about the sheet that was billed before
    assert [case.failure.code for case in office.cases.values()] == ["rates_changed"]


def test_a_refused_amendment_never_reaches_billing() -> None:
    office = running(DIRECTED)
    office.tell(SOW, order(2, change="30000.00", rate="150.00"))
    office.tell(SOW, act(Act.REJECT, "change_order:2", DIRECTOR))
    assert (bill(office, APRIL), agreed(office), office.cases) == (["145.00"], [1], {})
    # And the next version follows the refused one
    office.tell(SOW, order(3, change="100.00", rate="155.00", approved_by=DIRECTOR))
    assert (bill(office, APRIL), agreed(office)) == (["155.00"], [1, 3])


def test_amendments_out_of_order_are_applied_in_order() -> None:
    # Given version 3, which raises the rate from June on, before version 2, which raises it from April on
    office = running()
    office.tell(SOW, order(3, change="500.00", rate="160.00", effective_on=JUNE))
    assert "version 2 is missing" in office.cases[SOW, "change_order:3"].failure.reason
    assert bill(office, JUNE) == ["145.00"]
    # When version 2 comes
    office.tell(SOW, order(2, change="500.00", rate="150.00"))
    # Then both are in force, each from its day on, and finance is asked about the sheet that was billed before
    assert (agreed(office), office.topics(SOW)) == ([1, 2, 3], [])
    assert [case.failure.code for case in office.cases.values()] == ["rates_changed"]
    assert bill(office, MARCH, APRIL, JUNE) == ["145.00", "150.00", "160.00"]
    # And version 2 sent once more changes nothing
    assert isinstance(office.tell(SOW, order(2, change="900.00")), Ignore)


def test_an_amendment_before_the_deal_is_set_up_is_not_lost() -> None:
    office = Office(UNSUPERVISED, {SHIPYARD: known_customer()})
    office.tell(SOW, order(2, change="500.00", rate="150.00"))
    office.tell(WON, deal(part(ends_on=END, value="50000.00")))
    assert (bill(office, MARCH, APRIL), agreed(office), office.cases) == (["145.00", "150.00"], [1, 2], {})


def test_an_amendment_that_billing_refuses_is_sent_again_once_it_is_mended() -> None:
    office = running()
    office.refusing = {"contract.put"}
    office.tell(SOW, order(2, change="500.00", rate="150.00"))
    assert office.topics(SOW) == ["change_order:2"]
    office.refusing = set()
    office.tell(SOW, act(Act.RETRY, "change_order:2"))
    assert (contract(office).history[1].billing, office.cases) == ("done", {})


def test_an_amendment_that_billing_refuses_may_be_taken_back() -> None:
    # Given a change order that billing refuses for good, by which April is billed already
    office = running()
    office.refusing = {"contract.put"}
    office.tell(SOW, order(2, change="500.00", rate="150.00"))
    assert bill(office, APRIL) == ["150.00"]
    # When it is taken back
    office.tell(SOW, act(Act.CANCEL, "change_order:2"))
    # Then what is billed from now on has the old rate again, and the value is as before
    assert bill(office, date(2026, 4, 2)) == ["145.00"]
    assert (contract(office).value, office.topics(SOW)) == (Decimal("50000.00"), [])
    # And finance is asked about the sheet that was billed by it
    (case,) = office.cases.values()
    assert (case.failure.code, "150.00 → 145.00" in case.failure.reason) == ("rates_changed", True)


def test_a_renewed_contract_is_billed_in_the_new_year() -> None:
    office = running()
    january = date(2027, 1, 4)
    assert isinstance(office.tell(ActorKey("timesheet", "T-9"), sheet(january)), Reject)
    office.tell(SOW, renewal(rate="152.00"))
    assert bill(office, MARCH, january) == ["145.00", "152.00"]


def test_after_a_termination_later_work_is_not_billed_and_nothing_amends_the_contract() -> None:
    office = running()
    office.tell(SOW, termination(APRIL))
    assert bill(office, APRIL) == ["145.00"]
    assert isinstance(office.tell(ActorKey("timesheet", "T-9"), sheet(JUNE)), Reject)
    assert isinstance(office.tell(SOW, order(2)), Ignore)


def test_finance_is_asked_about_time_that_is_posted_behind_an_earlier_end() -> None:
    # Given sheets of January and February, billed
    office = running()
    january, february = date(2026, 1, 30), date(2026, 2, 2)
    bill(office, january, february)
    # When the contract is terminated as of January
    office.tell(SOW, termination(january))
    # Then nothing is booked, the timeline says so, and finance is asked about the sheet of February
    assert (len(office.bodies("billable.post")), office.bodies("billable.reverse")) == (2, [])
    assert [remark for remark in office.remarks if "2026-01-30, which is over" in remark]
    ((key, topic),) = office.cases
    case = office.cases[key, topic]
    assert (key.id, topic, case.failure.code) == ("T-2026-02-02-0", "contract_ended:SOW-1", "contract_ended")
    assert (case.money, case.owner, "of 2026-02-02, 1160.00" in case.failure.reason) == (
        {"EUR": Decimal("1160.00")}, "finance", True,
    )  # fmt: skip
    # And its case is over once somebody has seen to it
    office.tell(key, act(Act.RESOLVE, topic, ("F-9", "finance")))
    assert office.cases == {}


def test_a_change_order_with_an_earlier_end_is_asked_about_and_over_where_it_is_taken_back_or_renewed() -> None:
    office = running()
    february = date(2026, 2, 2)
    bill(office, february)
    office.refusing = {"contract.put"}
    office.tell(SOW, order(2, change="0.00", effective_on=date(2026, 1, 20), ends_on=date(2026, 1, 31)))
    topics = {topic for _, topic in office.cases}
    assert topics == {"change_order:2", "contract_ended:SOW-1"}
    # When it is taken back, then nothing is left to ask
    office.tell(SOW, act(Act.CANCEL, "change_order:2"))
    assert office.cases == {}
    # And so it is where the contract goes on for longer
    office.refusing = set()
    office.tell(SOW, order(3, change="0.00", effective_on=date(2026, 1, 20), ends_on=date(2026, 1, 31)))
    assert {topic for _, topic in office.cases} == {"contract_ended:SOW-1"}
    office.tell(SOW, renewal(change="0.00"))
    assert office.cases == {}


def test_a_change_that_is_effective_in_the_past_is_a_plan_for_each_sheet_that_was_billed() -> None:
    # Given sheets of January and February, billed
    office = running()
    january, february = date(2026, 1, 30), date(2026, 2, 2)
    assert bill(office, january, february) == ["145.00", "145.00"]
    # When a change order comes that is effective since February
    office.tell(SOW, order(2, change="500.00", rate="150.00", effective_on=date(2026, 2, 1)))
    # Then nothing is booked, and finance is asked about the sheet of February
    assert (len(office.bodies("billable.post")), office.bodies("billable.reverse")) == (2, [])
    ((key, topic),) = office.cases
    assert (key.id, office.cases[key, topic].money) == ("T-2026-02-02-0", {"EUR": Decimal("40.00")})
    # When finance approves, then the line is taken back, and booked anew at the new rate
    office.tell(key, act(Act.APPROVE, topic, ("F-9", "finance")))
    assert (billed(office)[2:], len(office.bodies("billable.reverse")), office.cases) == (["150.00"], 1, {})
    # And what is decided from now on has the new rate
    assert bill(office, date(2026, 2, 3)) == ["150.00"]


def test_a_sheet_that_was_billed_just_before_the_change_is_told_when_its_month_hears_of_it() -> None:
    # Given a change order of which the month has heard before it hears of the sheet
    office = running()
    late = ActorKey("billed_month", "2026-02/SOW-1")
    office.tell(late, Amended(to=late.id, contract=SOW.id, number=2))
    bill(office, date(2026, 2, 2))
    sheets = [request.body for _, request in office.asked if isinstance(request.body, RatesChanged)]
    assert [(body.to, body.number) for body in sheets] == [("T-2026-02-02-0", 2)]
