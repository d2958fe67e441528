"""The sentences of the scenarios: what is given, what somebody does, and what must be so then.

All of them stand in this one file, because it is here that every scenario finds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from pytest_bdd import given, then, when

from gateway.people import ActedUpon
from schemas.acts import Act
from schemas.billed import Billed
from schemas.contract.v1 import Activated
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement
from schemas.expense.entity import ExpenseReport
from schemas.invoice.v1 import Bill, PostingRejected
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.contract import ContractCancel, ContractPut
from schemas.operations.cost import CostPost
from schemas.operations.customer import CustomerPut
from schemas.operations.invoice import InvoicePost
from schemas.operations.milestone_bill import MilestoneBill
from schemas.operations.project import ProjectCancel, ProjectCreate, ProjectLink, ProjectPut, ProjectWithdraw
from schemas.project.entity import Project
from schemas.project.v1 import Billing, MilestoneCompleted
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Withdrawn
from schemas.values import Money, Reference
from schemas.verdicts import Verdict
from tests.actors.agreements import BEGIN, order, rates, termination
from tests.actors.firm import (
    REPORT,
    SHEET,
    approved,
    corrected,
    credit,
    customer,
    line,
    merged,
    reported,
    spent,
)
from tests.actors.invoicing import credited, disputed, lost, paid, posted
from tests.runtime.firm import CRM, PSA
from tests.runtime.virtual import VirtualLoop
from tests.scenarios import facts
from tests.scenarios.office import BANK, BILLING, ERP, FINANCE, Office
from tests.scenarios.words import OTHER_SHEET, says


@pytest.fixture
def office() -> Iterator[Office]:
    """The firm of one scenario, which must be in good order at its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        office = Office(runner.run)
        yield office
        office.close()


# What is given


@given(says("legal entity {code:Id} keeps its books in {currency:Id}, with tax profile {profile:Code}"))
@when(says("legal entity {code:Id} is added to the policy, with books in {currency:Id} and tax profile {profile:Code}"))
def legal_entity(office: Office, code: str, currency: str, profile: str) -> None:
    office.decree("legal_entities", code, {"currency": currency, "tax_codes": {profile: f"{code}-{profile}"}})


@given(says("service line {code:Code} comes with the work packages {packages:List}"))
def service_line(office: Office, code: str, packages: list[str]) -> None:
    template = [{"code": package, "name": package.capitalize()} for package in packages]
    office.decree("service_lines", code, {"template": template})


@given(says("deals above {amount:Amount} {currency:Id} need the approval of {role:Role}"))
def large_deals(office: Office, amount: str, currency: str, role: str) -> None:
    office.decree("approvals", "large_deal", {"role": role, "amount_above": {currency: amount}})


@given(says("change orders need the approval of {role:Role}"))
def change_orders(office: Office, role: str) -> None:
    office.decree("approvals", "change_order", {"role": role, "flow": "contracts"})


@given(says("change orders above {amount:Amount} {currency:Id} need the approval of {role:Role}"))
def large_change_orders(office: Office, amount: str, currency: str, role: str) -> None:
    rule = {"role": role, "flow": "contracts", "amount_above": {currency: amount}}
    office.decree("approvals", "large_change_order", rule)


@given(says("{code:Id} runs won deals in shadow"))
def shadow(office: Office, code: str) -> None:
    office.decree("legal_entities", code, {"flows": {"won_deals": "shadow"}})


@given(says("{code:Id} has a workspace system, which refuses everything"))
def bad_workspaces(office: Office, code: str) -> None:
    office.decree("legal_entities", code, {"workspace": "docs"})
    office.systems["docs"].refuses = lambda _body: True


@given(says("the ERP refuses the contract of {deal_id:Id}"))
def contract_refused(office: Office, deal_id: str) -> None:
    office.systems["erp"].refuses = lambda body: isinstance(body, ContractPut) and body.project_id == deal_id


@given(says("the ERP refuses customer {id:Id} for {code:Id}"))
def customer_refused(office: Office, id: str, code: str) -> None:
    office.systems["erp"].refuses = lambda body: (
        isinstance(body, CustomerPut) and (body.customer_id, body.legal_entity) == (id, code)
    )


@given(says("the ERP refuses project {id:Id}"))
def project_refused(office: Office, id: str) -> None:
    office.systems["erp"].refuses = lambda body: isinstance(body, ProjectCreate) and body.project_id == id


@given(says("the ERP takes {count:Number} lines in one request, those of a sheet in their order"))
def batches(office: Office, count: int) -> None:
    office.equip("erp", "billable.post", {"look_up": True, "batch": {"size": count, "in_order": True}})


@given("the ERP refuses time")
def time_refused(office: Office) -> None:
    office.systems["erp"].refuses = lambda body: isinstance(body, BillablePost)


@given(says("the ERP refuses {hours:Number} hours, and what it does not have"))
def hours_refused(office: Office, hours: int) -> None:
    office.systems["erp"].refuses = lambda body: (
        isinstance(body, BillablePost | BillableReverse) and abs(body.hours) == hours
    )


@given(says("the books of {code:Id} are closed through {day:Day}"))
def books_closed(office: Office, code: str, day: date) -> None:
    office.decree("legal_entities", code, {"closed_through": day})


@given("the PSA numbers its lines over all sheets")
def numbered_lines(office: Office) -> None:
    office.decree("sources", PSA, {"unique_lines": True})


@given("the ERP takes its time")
def slow_erp(office: Office) -> None:
    office.systems["erp"].seconds = 30


@given(says("the ERP refuses invoice {id:Id}"))
def invoice_refused(office: Office, id: str) -> None:
    office.systems["erp"].refuses = lambda body: isinstance(body, InvoicePost) and body.invoice_id == id


@given("the ERP bills by itself")
def erp_bills(office: Office) -> None:
    office.decree("sources", ERP, {"external": []})


@given(says("somebody is asked once a message has waited for {seconds:Number} seconds"))
def patience(office: Office, seconds: int) -> None:
    office.be_patient(seconds)


@given(says('customer {id:Id} "{name:Text}" trades with {code:Id}'))
@when(says('the CRM sends customer {id:Id} "{name:Text}" of {code:Id}'))
def named_customer(office: Office, id: str, name: str, code: str) -> None:
    office.say(CRM, (facts.customer_key(id), customer(code, name=name)))


@given(says('customer {id:Id} "{name:Text}" with tax id {tax_id:Id} trades with {code:Id}'))
@when(says('the CRM sends customer {id:Id} "{name:Text}" of {code:Id}, with tax id {tax_id:Id}'))
def customer_with_tax_id(office: Office, id: str, name: str, code: str, tax_id: str) -> None:
    office.say(CRM, (facts.customer_key(id), customer(code, name=name, tax_id=tax_id)))


@given(says("customer {id:Id} trades with {code:Id}"))
@when(says("the CRM sends customer {id:Id} of {code:Id}"))
def some_customer(office: Office, id: str, code: str) -> None:
    office.say(CRM, (facts.customer_key(id), customer(code)))


@given(says("customer {id:Id} trades with {code:Id}, without a tax profile"))
@given(says("the CRM sends customer {id:Id} of {code:Id}, without a tax profile"))
def untaxed_customer(office: Office, id: str, code: str) -> None:
    office.say(CRM, (facts.customer_key(id), customer(code, tax_profile=None)))


@when(says("the CRM sends customer {id:Id} of {code:Id} again, with tax profile {profile:Code}"))
def taxed_customer(office: Office, id: str, code: str, profile: str) -> None:
    office.say(CRM, (facts.customer_key(id), customer(code, tax_profile=profile)))


@given(says("finance puts {id:Id} on credit hold"))
def hold(office: Office, id: str) -> None:
    office.say(FINANCE, (facts.customer_key(id), credit(on_hold=True)))


# What somebody does


@when(says("the books of {code:Id} are opened again"))
def books_open(office: Office, code: str) -> None:
    office.decree("legal_entities", code, {"closed_through": None})


@when(says("finance releases the hold of {id:Id}"))
def release(office: Office, id: str) -> None:
    office.say(FINANCE, (facts.customer_key(id), credit(on_hold=False)))


@given(says("deal {id:Id} with {customer_id:Id} is won for {codes:List}"))
@when(says("deal {id:Id} with {customer_id:Id} is won for {codes:List}"))
def won(office: Office, id: str, customer_id: str, codes: list[str]) -> None:
    office.say(CRM, facts.won(id, customer_id, *(facts.sold(id, code, office.currency(code)) for code in codes)))


@when(says("deals {ids:List} with {customer_id:Id} are won for {code:Id} at once"))
def won_at_once(office: Office, ids: list[str], customer_id: str, code: str) -> None:
    office.say(CRM, *(facts.won(id, customer_id, facts.sold(id, code, office.currency(code))) for id in ids))


@when(
    says(
        "deal {id:Id} with {customer_id:Id} is won for {code:Id}, worth {amount:Amount} {currency:Id}, "
        "as asked for by {person:Id}"
    )
)
def large_deal_won(
    office: Office, id: str, customer_id: str, code: str, amount: str, currency: str, person: str
) -> None:
    office.say(CRM, facts.won(id, customer_id, facts.sold(id, code, currency, value=amount), asked_by=person))


@given(says("deal {id:Id} with {customer_id:Id} is won for {code:Id}, at {rate:Amount} {currency:Id} an hour"))
def won_by_the_hour(office: Office, id: str, customer_id: str, code: str, rate: str, currency: str) -> None:
    office.say(CRM, facts.won(id, customer_id, facts.sold(id, code, currency, rate=rate)))


@when(says("deal {id:Id} with {customer_id:Id} is won for {code:Id}, and {gone:Id} is merged into {into:Id} meanwhile"))
def won_and_merged(office: Office, id: str, customer_id: str, code: str, gone: str, into: str) -> None:
    def is_put() -> bool:
        puts = (body for body in office.systems["erp"].asked_for if isinstance(body, CustomerPut))
        return any((put.customer_id, put.legal_entity) == (customer_id, code) for put in puts)

    office.begin(CRM, facts.won(id, customer_id, facts.sold(id, code, office.currency(code))), is_put)
    office.say(CRM, (facts.customer_key(gone), merged(into)))


@when(says("deal {id:Id} with {customer_id:Id} is won for {code:Id}, under contract {contract:Id}"))
def won_under(office: Office, id: str, customer_id: str, code: str, contract: str) -> None:
    sold = facts.sold(id, code, office.currency(code), contract=contract)
    office.say(CRM, facts.won(id, customer_id, sold))


@given(says("contract {id:Id} of {code:Id} comes into force on project {project:Id}"))
def in_force(office: Office, id: str, code: str, project: str) -> None:
    customer = office.state(facts.deal_key(project), Engagement).customer
    activated = Activated(
        customer=Reference(id=customer), project=Reference(id=project), legal_entity=code,
        currency=office.currency(code), billing=Billing(method="time_and_materials", rates=rates("145.00")),
        signed_on=BEGIN, starts_on=BEGIN,
    )  # fmt: skip
    office.say(CRM, (ActorKey("contract", id), activated))


@when(says("the CRM merges {gone:Id} into {into:Id}"))
def merge(office: Office, gone: str, into: str) -> None:
    office.say(CRM, (facts.customer_key(gone), merged(into)))


@when("the ERP refuses nothing any more")
def nothing_refused(office: Office) -> None:
    office.systems["erp"].refuses = lambda _body: False


@when(says("the ERP takes the contract of {deal_id:Id}"))
def contract_taken(office: Office, deal_id: str) -> None:
    office.systems["erp"].refuses = lambda _body: False


@when(
    says("change order {version:Number} of {deal_id:Id} is approved by {role:Role}: {rate:Amount} EUR from {day:Day}")
)
def amended(office: Office, version: int, deal_id: str, role: str, rate: str, day: date) -> None:
    change = order(version, change="0.00", rate=rate, effective_on=day, approved_by=("E-31", role))
    office.say(CRM, (facts.contract_key(deal_id), change))


@given(says("{hours:Amount} hours on {project:Id} are approved for {one:Day}, and {more:Amount} for {other:Day}"))
@when(says("{hours:Amount} hours on {project:Id} are approved for {one:Day}, and {more:Amount} for {other:Day}"))
def hours_approved(office: Office, hours: str, project: str, one: date, more: str, other: date) -> None:
    lines = line("1", hours, day=one), line("2", more, day=other)
    office.say(PSA, (SHEET, approved(*lines, project=Reference(id=project))))


@when(says("{hours:Amount} hours on {project:Id} are approved for {day:Day}, which nobody is billed for"))
def cost_approved(office: Office, hours: str, project: str, day: date) -> None:
    sheet = approved(line("1", hours, day=day, billable=False), project=Reference(id=project))
    office.say(PSA, (SHEET, sheet))


@when(
    says("they are corrected to {hours:Amount} hours on {project:Id} for {one:Day}, and {more:Amount} for {other:Day}")
)
def hours_corrected(office: Office, hours: str, project: str, one: date, more: str, other: date) -> None:
    lines = line("1", hours, day=one), line("2", more, day=other)
    office.say(PSA, (SHEET, corrected(*lines, project=Reference(id=project))))


@when(says("sheets of {hours:Amount} and of {more:Amount} hours on {project:Id} are approved at once"))
def sheets_approved(office: Office, hours: str, more: str, project: str) -> None:
    worked = {SHEET: hours, OTHER_SHEET: more}
    office.say(PSA, *((key, approved(line("1", each), project=Reference(id=project))) for key, each in worked.items()))


@when(says("the same lines come on another sheet on {project:Id}"))
def on_another_sheet(office: Office, project: str) -> None:
    office.say(PSA, (OTHER_SHEET, approved(line("1"), line("2"), project=Reference(id=project))))


@when(says("their approval is withdrawn on {project:Id}"))
def hours_withdrawn(office: Office, project: str) -> None:
    end = Withdrawn(legal_entity="DE01", project=Reference(id=project), revision=1, reason="by mistake")
    office.say(PSA, (SHEET, end))


@given(says("{amount:Amount} {currency:Id} of {category:Code} on {project:Id} are approved"))
@when(says("{amount:Amount} {currency:Id} of {category:Code} on {project:Id} are approved"))
def expenses_approved(office: Office, amount: str, currency: str, category: str, project: str) -> None:
    bill = spent("1", Money(amount=amount, currency=currency), category=category)
    office.say(PSA, (REPORT, reported(bill).model_copy(update={"project": Reference(id=project)})))


@given(says("the contract of {deal_id:Id} is terminated as of {day:Day}"))
@when(says("the contract of {deal_id:Id} is terminated as of {day:Day}"))
def ended(office: Office, deal_id: str, day: date) -> None:
    office.say(CRM, (facts.contract_key(deal_id), termination(day)))


@when(says("{role:Role} retries the sheet"))
def sheet_retried(office: Office, role: str) -> None:
    assert {asked for asked, _ in office.asked(SHEET)} == {role}
    office.retry(SHEET)


@when(says("invoice {id:Id} of {total:Amount} EUR is issued for {deal_id:Id}"))
def invoice_issued(office: Office, id: str, total: str, deal_id: str) -> None:
    office.say(BILLING, facts.invoice(id, deal_id, total))


@when(
    says(
        "invoice {id:Id} of {total:Amount} EUR is issued for {deal_id:Id}, "
        "billing line {line:Number} of the {what:Paper}"
    )
)
def invoice_billing(office: Office, id: str, total: str, deal_id: str, line: int, what: ActorKey) -> None:
    bills = Bill.model_validate({"entity": what.entity, "id": what.id, "line_id": str(line)})
    office.say(BILLING, facts.invoice(id, deal_id, total, bills))


@when(says("the ERP posts invoice {id:Id} of {total:Amount} EUR for {deal_id:Id}"))
def invoice_posted(office: Office, id: str, total: str, deal_id: str) -> None:
    office.say(ERP, (office.erp_key(id), posted(facts.invoice(id, deal_id, total)[1])))


@when(says("payment {payment:Id} of {amount:Amount} {currency:Id} on {id:Id} arrives from the ERP"))
def payment_by_erp(office: Office, payment: str, amount: str, currency: str, id: str) -> None:
    office.say(ERP, (facts.in_erp(id), paid(amount, payment, currency)))


@when(says("payment {payment:Id} of {amount:Amount} {currency:Id} on {id:Id} arrives from the bank"))
def payment_by_bank(office: Office, payment: str, amount: str, currency: str, id: str) -> None:
    office.say(BANK, (facts.invoice_key(id), paid(amount, payment, currency)))


@when(says("credit memo {memo:Id} of {amount:Amount} EUR on line {line:Number} of {id:Id} arrives from the ERP"))
def credit_memo(office: Office, memo: str, amount: str, line: int, id: str) -> None:
    office.say(ERP, (facts.in_erp(id), credited(amount, str(line), id=memo)))


@when(says("write-off {loss:Id} of {amount:Amount} EUR on {id:Id} arrives from the ERP"))
def write_off(office: Office, loss: str, amount: str, id: str) -> None:
    office.say(ERP, (facts.in_erp(id), lost(amount, loss)))


@when(says("the ERP says that it does not post {id:Id}: {code:Code}"))
def not_posted(office: Office, id: str, code: str) -> None:
    office.say(ERP, (facts.in_erp(id), PostingRejected(code=code, reason="not now")))


@when(says("the ERP says that the customer objects to {id:Id}"))
def objection(office: Office, id: str) -> None:
    office.say(ERP, (facts.in_erp(id), disputed()))


@when(says("the ERP says that the customer objects to {id:Id} no more"))
def no_objection(office: Office, id: str) -> None:
    office.say(ERP, (facts.in_erp(id), disputed(settled=True)))


@when(says("milestone {id:Id} of {project:Id} is completed, worth {amount:Amount} {currency:Id}"))
def milestone_completed(office: Office, id: str, project: str, amount: str, currency: str) -> None:
    worth = Money(amount=amount, currency=currency)
    milestone = MilestoneCompleted(milestone_id=id, name="Concept", completed_on=BEGIN, amount=worth)
    office.say(CRM, (ActorKey("project", project), milestone))


@when(says("{seconds:Number} seconds pass"))
def time_passes(office: Office, seconds: int) -> None:
    office.let_pass(seconds)


@when(says("{role:Role} {act:Act}"))
def somebody_acts(office: Office, role: str, act: Act) -> None:
    told = office.act(act, "E-5", role)
    assert told.verdict is Verdict.APPLIED, told.reason


@when(says("{role:Role} chooses tax profile {profile:Code} of {code:Id} for the deal, and retries"))
def tax_code_chosen(office: Office, role: str, profile: str, code: str) -> None:
    changes = {"parts": {code: {"tax_code": f"{code}-{profile}"}}}
    told = office.act(Act.EDIT_RETRY, "E-5", role, changes)
    assert told.verdict is Verdict.APPLIED, told.reason


@when(says("{person:Id} {act:Act} as {role:Role}"))
def person_acts(office: Office, person: str, act: Act, role: str) -> None:
    told = office.act(act, person, role)
    assert told.verdict is Verdict.APPLIED, told.reason


@when(says("{person:Id} tries to {act:Act} as {role:Role}"), target_fixture="told")
def person_tries(office: Office, person: str, act: Act, role: str) -> ActedUpon:
    return office.act(act, person, role)


# What must be so then


@then(says('that is refused: "{reason:Text}"'))
def refused(told: ActedUpon, reason: str) -> None:
    assert (told.verdict, told.reason) == (Verdict.IGNORED, reason)


@then("nobody was asked anything")
def no_case_ever(office: Office) -> None:
    assert office.cases(settled=True) == []


@then("no case stands open")
def no_case(office: Office) -> None:
    assert [row.opened.case for row in office.cases()] == []


@then(says("{role:Role} is asked about deal {id:Id}: {code:Code}"))
def asked_about_deal(office: Office, role: str, id: str, code: str) -> None:
    assert office.asked(facts.deal_key(id)) == [(role, code)]


@then(says("{role:Role} is asked about the {step:Code} of deal {id:Id} for {code:Id}: {why:Code}"))
def asked_about_step(office: Office, role: str, step: str, id: str, code: str, why: str) -> None:
    assert office.asked(facts.deal_key(id), f"step:{code}.{step}") == [(role, why)]


@then(says("{role:Role} is asked about change order {version:Number} of {deal_id:Id}: {code:Code}"))
def asked_about_change_order(office: Office, role: str, version: int, deal_id: str, code: str) -> None:
    assert office.asked(facts.contract_key(deal_id), f"change_order:{version}") == [(role, code)]


@then(says('a case says "{text:Text}"'))
def case_says(office: Office, text: str) -> None:
    assert [reason for reason in office.reasons() if text in reason] != []


@then(says("{role:Role} is asked about the {what:Paper}: {code:Code}"))
def asked_about_paper(office: Office, role: str, what: ActorKey, code: str) -> None:
    assert set(office.asked(what)) == {(role, code)}


@then(says("{role:Role} is asked whether {id:Id} is {other:Id}"))
def asked_whether(office: Office, role: str, id: str, other: str) -> None:
    assert office.asked(facts.customer_key(id), "duplicate") == [(role, "probable_duplicate")]
    found = office.state(facts.customer_key(id), Customer)
    assert [candidate.id for candidate in found.candidates] == [other]


@then(says("nothing of {deal_id:Id} was sent"))
def nothing_sent(office: Office, deal_id: str) -> None:
    of_deal = (facts.deal_key(deal_id), facts.contract_key(deal_id), ActorKey("project", deal_id))
    assert [answer for answer in office.answers if answer.key in of_deal] == []


@then(says('{deal_id:Id} shows that the ERP would be asked for "{operation:Text}"'))
def would_be_sent(office: Office, deal_id: str, operation: str) -> None:
    (only,) = office.state(facts.deal_key(deal_id), Engagement).parts
    assert ("shadowed", f"would ask erp for {operation}") in {(s.status, s.reason) for s in only.steps.values()}


@then(says("deal {id:Id} is {status:Code}"))
def deal_stands(office: Office, id: str, status: str) -> None:
    assert office.state(facts.deal_key(id), Engagement).status == status


@then(says("project {id:Id} is active"))
def project_active(office: Office, id: str) -> None:
    assert office.state(ActorKey("project", id), Project).status == "active"


@then(says("project {id:Id} is not active"))
def project_not_active(office: Office, id: str) -> None:
    assert office.state(ActorKey("project", id), Project).status != "active"


@then(says("the approval of {person:Id} is kept with deal {id:Id}"))
def approval_kept(office: Office, person: str, id: str) -> None:
    assert [grant.by for grant in office.state(facts.deal_key(id), Engagement).grants] == [person]


@then(says("the ERP has customer {id:Id} for {codes:List}, once"))
def customer_in_erp(office: Office, id: str, codes: list[str]) -> None:
    puts = [put.legal_entity for put in office.taken("erp", CustomerPut) if put.customer_id == id]
    assert sorted(puts) == sorted(codes)


@then(says("the ERP does not have customer {id:Id}"))
def customer_not_in_erp(office: Office, id: str) -> None:
    assert [put for put in office.taken("erp", CustomerPut) if put.customer_id == id] == []


@then(says("the ERP has project {id:Id} of customer {customer_id:Id}, once"))
def project_of_customer(office: Office, id: str, customer_id: str) -> None:
    made = [create.customer for create in office.taken("erp", ProjectCreate) if create.project_id == id]
    assert made == [f"erp-{customer_id}"]


@then(says("the ERP has project {id:Id} with the work packages {packages:List}, once"))
def project_with_packages(office: Office, id: str, packages: list[str]) -> None:
    made = [create.work_packages for create in office.taken("erp", ProjectCreate) if create.project_id == id]
    assert [[package.code for package in each] for each in made] == [packages]


@then(says("the {system:Id} has project {id:Id}, once"))
def project_there(office: Office, system: str, id: str) -> None:
    made = {
        "ERP": [body.project_id for body in office.taken("erp", ProjectCreate)],
        "PSA": [body.project_id for body in office.taken("psa", ProjectPut)],
    }
    assert made[system].count(id) == 1


@then(says("the CRM knows the ids of {id:Id}"))
def linked(office: Office, id: str) -> None:
    links = [link for link in office.taken("crm", ProjectLink) if link.project_id == id]
    assert [(link.erp_id, link.psa_id) for link in links] == [(f"erp-{id}", f"psa-{id}")]


@then(says("project {id:Id} was withdrawn from the PSA, and then cancelled in the ERP"))
def withdrawn(office: Office, id: str) -> None:
    undone = [
        (answer.system, answer.body.project_id)
        for answer in office.answers
        if isinstance(answer.body, ProjectWithdraw | ProjectCancel)
    ]
    assert undone == [("psa", id), ("erp", id)]


@then(says("the ERP has version {versions:List} of the contract of {deal_id:Id}"))
@then(says("the ERP has versions {versions:List} of the contract of {deal_id:Id}, in this order"))
def versions_in_order(office: Office, versions: list[str], deal_id: str) -> None:
    puts = office.taken("erp", ContractPut)
    assert [str(put.version) for put in puts if put.project_id == deal_id] == versions


@then(says("the ERP still bills contract {id:Id} for project {project:Id}"))
def still_billed(office: Office, id: str, project: str) -> None:
    puts = [put for put in office.taken("erp", ContractPut) if put.contract_id == id]
    assert [put.project_id for put in puts] == [project]
    assert [cancel for cancel in office.taken("erp", ContractCancel) if cancel.contract_id == id] == []


@then(says("the ERP bills {one:Amount} EUR and {other:Amount} EUR for {deal_id:Id}"))
def billed(office: Office, one: str, other: str, deal_id: str) -> None:
    posts = [post.amount for post in office.taken("erp", BillablePost) if post.project == f"erp-{deal_id}"]
    assert posts == [Decimal(one), Decimal(other)]


@then(says("the ERP bills nothing for {deal_id:Id}"))
def nothing_billed(office: Office, deal_id: str) -> None:
    assert facts.booked(office.answers, f"erp-{deal_id}") == []


@then(says("the ERP has {hours:Amount} hours of cost centre {centre:Id} as cost of {deal_id:Id}"))
def cost_booked(office: Office, hours: str, centre: str, deal_id: str) -> None:
    posts = [post for post in office.taken("erp", CostPost) if post.project == f"erp-{deal_id}"]
    assert [(post.hours, post.cost_centre) for post in posts] == [(Decimal(hours), centre)]


@then(says("the ERP was asked for {amounts:Amounts} EUR of {deal_id:Id}, in this order"))
def asked_in_order(office: Office, amounts: list[Decimal], deal_id: str) -> None:
    assert facts.booked(office.answers, f"erp-{deal_id}") == amounts


@then("both lines came to the ERP in one request")
def one_request(office: Office) -> None:
    assert office.systems["erp"].batches == [2]


@then(says("the ERP has {amount:Amount} EUR booked on {deal_id:Id}"))
def booked_in_all(office: Office, amount: str, deal_id: str) -> None:
    assert sum(facts.booked(office.answers, f"erp-{deal_id}")) == Decimal(amount)


@then(says("{role:Role} is asked about invoice {id:Id}: {code:Code}"))
def asked_about_invoice(office: Office, role: str, id: str, code: str) -> None:
    assert office.asked(facts.invoice_key(id)) == [(role, code)]


@then(says("{role:Role} is asked about the awaited invoice {id:Id}: {code:Code}"))
def asked_about_awaited(office: Office, role: str, id: str, code: str) -> None:
    assert office.asked(ActorKey("awaited", id)) == [(role, code)]


@then(says("{role:Role} is asked about milestone {id:Id} of {project:Id}: {code:Code}"))
def asked_about_milestone(office: Office, role: str, id: str, project: str, code: str) -> None:
    assert office.asked(ActorKey("project", project), f"milestone:{id}") == [(role, code)]


@then(says("the ERP has invoice {id:Id}, once"))
def invoice_in_erp(office: Office, id: str) -> None:
    assert [post.invoice_id for post in office.taken("erp", InvoicePost)].count(id) == 1


@then("the ERP was not asked to post an invoice")
def no_invoice_in_erp(office: Office) -> None:
    assert office.taken("erp", InvoicePost) == []


@then(says("CRM and PSA show {id:Id} as {status:Code}, with {amount:Amount} EUR open"))
def invoice_shown(office: Office, id: str, status: str, amount: str) -> None:
    shown = {(put.status, put.open) for put in office.shown(id)}
    assert shown == {(status, Decimal(amount))}


@then(says("CRM and PSA show that {id:Id} is disputed"))
def dispute_shown(office: Office, id: str) -> None:
    assert {put.disputed for put in office.shown(id)} == {True}


@then(says("CRM and PSA show that {id:Id} is not disputed"))
def no_dispute_shown(office: Office, id: str) -> None:
    assert {put.disputed for put in office.shown(id)} == {False}


def _billed(office: Office, what: ActorKey) -> Billed:
    return office.state(what, Timesheet if what.entity == "timesheet" else ExpenseReport)


@then(says("line {line:Number} of the {what:Paper} is {state:Code}"))
def line_billed(office: Office, line: int, what: ActorKey, state: str) -> None:
    billings = _billed(office, what).invoiced[str(line)]
    assert [billing.state for billing in billings.values()] == [state]


@then(says("line {line:Number} of the {what:Paper} is not billed"))
def line_not_billed(office: Office, line: int, what: ActorKey) -> None:
    assert str(line) not in _billed(office, what).invoiced


@then(says("the ERP bills milestone {id:Id} of {project:Id} with {amount:Amount} EUR, once"))
def milestone_billed(office: Office, id: str, project: str, amount: str) -> None:
    bills = [(bill.project_id, bill.milestone_id, bill.amount) for bill in office.taken("erp", MilestoneBill)]
    assert bills == [(project, id, Decimal(amount))]


@then(says("the ERP bills no milestone of {project:Id}"))
def no_milestone_billed(office: Office, project: str) -> None:
    assert [bill for bill in office.taken("erp", MilestoneBill) if bill.project_id == project] == []
