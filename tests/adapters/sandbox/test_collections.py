"""What the sandbox systems accept, refuse, and repeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import orjson
import pytest

from adapters.sandbox.operations import Role
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import BILLABLE, COST, CUSTOMER, EXPENSE, PROJECT, TOKEN, Caller, Starting

PROBLEM = "application/problem+json"


@pytest.fixture
async def erp(starting: Starting) -> Caller:
    return await starting(
        SandboxSettings(Role.ERP, TOKEN, legal_entities={"DE01": "EUR", "CH01": "CHF"}, closed_until=date(2026, 11, 1))
    )


async def test_ids_come_from_the_canonical_ids_or_a_sequence(erp: Caller, starting: Starting) -> None:
    assert (await erp.post("customer.put", CUSTOMER, key="1", reference="a/1/_/1")).json == {"id": "C-A1"}
    assert (await erp.post("project.create", PROJECT, key="2", reference="a/2/_/1")).json == {"id": "P-E1"}
    assert (await erp.post("billable.post", BILLABLE, key="3", reference="a/3/_/1")).json == {"id": "B-3"}
    reversal = dict(BILLABLE) | {"reverses": "a/3/_/1"}
    assert (await erp.post("billable.reverse", reversal, key="4", reference="a/3/_/1")).json == {"id": "R-4"}
    psa, crm = await starting(SandboxSettings(Role.PSA, TOKEN)), await starting(SandboxSettings(Role.CRM, TOKEN))
    project = {"project_id": "E1", "erp_id": "P-E1", "legal_entity": "DE01", "currency": "EUR"}
    assert (await psa.post("project.put", project)).json == {"id": "psa-E1"}
    link = {"opportunity_id": "O1", "project_id": "E1", "erp_id": "P-E1", "psa_id": "psa-E1"}
    assert (await crm.post("project.link", link)).json == {"id": "L-1"}


async def test_what_is_planned_and_shown_has_ids_of_its_own(erp: Caller, starting: Starting) -> None:
    await erp.ready_for_billing()
    assignment = {"assignment_id": "E1-7", "project": "P-E1", "legal_entity": "DE01", "employee": "7", "role": "dev"}
    assert (await erp.post("assignment.put", assignment)).json == {"id": "A-E1-7"}
    nowhere = await erp.post("assignment.put", assignment | {"project": "P-no"}, key="2", reference="a/2/_/1")
    assert (nowhere.status, nowhere.json["code"], nowhere.json["field"]) == (422, "unknown_project", "project")
    crm = await starting(SandboxSettings(Role.CRM, TOKEN))
    shown = {"project_id": "E1", "milestone_id": "M1", "assignment_id": "E1-7"}
    assert (await crm.post("milestone.put", shown, key="1")).json == {"id": "M-E1-M1"}
    assert (await crm.post("delivery.put", shown, key="2", reference="a/2/_/1")).json == {"id": "D-E1-7"}
    forecast = {"forecast_id": "K1", "legal_entity": "DE01", "currency": "EUR"}
    assert (await crm.post("forecast.put", forecast, key="3", reference="a/3/_/1")).json == {"id": "F-K1"}


async def test_milestones_and_invoices_move_money_and_what_shows_them_does_not(erp: Caller, starting: Starting) -> None:
    await erp.ready_for_billing()
    money = {"project": "P-E1", "legal_entity": "DE01", "currency": "EUR", "amount": "119.00"}
    milestone = money | {"contract_id": "K1", "milestone_id": "M1"}
    invoice = money | {"invoice_id": "INV-1", "customer": "C-A1"}
    assert (await erp.post("milestone.bill", milestone, key="3", reference="a/3/_/1")).json == {"id": "MB-3"}
    assert (await erp.post("invoice.post", invoice, key="4", reference="a/4/_/1")).json == {"id": "I-INV-1"}
    assert [row["amount"] for row in await erp.journal()][-2:] == ["119.00", "119.00"]
    for operation, body, code in (
        ("milestone.bill", milestone | {"project": "P-no"}, "unknown_project"),
        ("milestone.bill", milestone | {"currency": "CHF"}, "wrong_currency"),
        ("invoice.post", invoice | {"customer": "C-no"}, "unknown_customer"),
        ("invoice.post", invoice | {"legal_entity": "ZZ99"}, "unknown_legal_entity"),
    ):
        refused = await erp.post(operation, body, key="x", reference="a/x/_/1")
        assert (refused.status, refused.json["code"]) == (422, code)
    shown = {"invoice_id": "INV-1", "customer_id": "A1", "project_id": "E1"}
    for role, operation in ((Role.CRM, "invoice.put"), (Role.PSA, "receivable.put")):
        system = await starting(SandboxSettings(role, TOKEN))
        assert (await system.post(operation, shown)).json == {"id": "V-INV-1"}
        assert [row["amount"] for row in await system.journal()] == [None]


async def test_a_known_customer_is_updated(erp: Caller) -> None:
    await erp.post("customer.put", CUSTOMER, key="1", reference="customer/A1/_/1")
    changed = dict(CUSTOMER) | {"name": "Northwind Advisory"}
    assert (await erp.post("customer.put", changed, key="2", reference="customer/A1/_/2")).json == {"id": "C-A1"}
    assert len(await erp.journal()) == 2


async def test_a_customer_that_was_there_before_keeps_its_id(erp: Caller) -> None:
    there = dict(CUSTOMER) | {"erp_id": "9001"}
    assert (await erp.post("customer.put", there, key="1", reference="customer/A1/_/1")).json == {"id": "9001"}


@pytest.mark.parametrize(
    ("operation", "changed", "code", "field"),
    [
        ("customer.put", {"legal_entity": "ZZ99"}, "unknown_legal_entity", "legal_entity"),
        ("project.create", {"customer": "C-nobody"}, "unknown_customer", "customer"),
        ("project.create", {"legal_entity": "ZZ99"}, "unknown_legal_entity", "legal_entity"),
        ("project.create", {"currency": "CHF"}, "wrong_currency", "currency"),
        ("billable.post", {"project": "P-nobody"}, "unknown_project", "project"),
        ("billable.post", {"currency": "CHF"}, "wrong_currency", "currency"),
        ("billable.post", {"legal_entity": "CH01"}, "wrong_currency", "currency"),
        ("billable.post", {"legal_entity": "ZZ99"}, "unknown_legal_entity", "legal_entity"),
        ("billable.post", {"work_date": "2026-10-31"}, "closed_period", "work_date"),
        ("billable.post", {"work_date": "31.10.2026"}, "invalid_field", "work_date"),
        ("billable.post", {"amount": "1e3"}, "invalid_field", "amount"),
        ("billable.post", {"amount": 12.5}, "invalid_field", "amount"),
        ("billable.post", {"amount": "\u0661"}, "invalid_field", "amount"),
        ("billable.post", {"project": None}, "invalid_field", "project"),
        ("billable.reverse", {"reverses": "timesheet/none/L1/1"}, "unknown_reference", "reverses"),
        ("expense.post", {"project": "P-nobody"}, "unknown_project", "project"),
        ("expense.post", {"currency": "CHF"}, "wrong_currency", "currency"),
        ("expense.post", {"incurred_on": "2026-10-31"}, "closed_period", "incurred_on"),
        ("expense.reverse", {"reverses": "expense/none/L1/1"}, "unknown_reference", "reverses"),
        ("cost.post", {"project": "P-nobody"}, "unknown_project", "project"),
        ("cost.post", {"cost_centre": None}, "invalid_field", "cost_centre"),
        ("cost.post", {"legal_entity": "ZZ99"}, "unknown_legal_entity", "legal_entity"),
        ("cost.post", {"incurred_on": "2026-10-31"}, "closed_period", "incurred_on"),
        ("cost.reverse", {"reverses": "timesheet/none/L1/1"}, "unknown_reference", "reverses"),
    ],
)
async def test_what_a_real_system_refuses(
    erp: Caller, operation: str, changed: Mapping[str, object], code: str, field: str
) -> None:
    await erp.ready_for_billing()
    sound = {
        "customer.put": CUSTOMER, "project.create": PROJECT, "expense.post": EXPENSE, "expense.reverse": EXPENSE,
        "cost.post": COST, "cost.reverse": COST,
    }.get(operation, BILLABLE)  # fmt: skip
    reply = await erp.post(operation, dict(sound) | dict(changed))
    assert reply.status == 422
    assert reply.headers["Content-Type"] == PROBLEM
    assert (reply.json["code"], reply.json["field"]) == (code, field)
    assert reply.json["detail"].endswith(".")
    assert len(await erp.journal()) == 2
    assert (await erp.look_up(operation)).status == 404


async def test_a_cancelled_project_is_not_made_a_second_time(erp: Caller) -> None:
    await erp.ready_for_billing()
    end = {"project_id": "E1", "erp_id": "P-E1", "legal_entity": "DE01", "currency": "EUR", "reason": "given up"}
    assert (await erp.post("project.cancel", end, key="x", reference="project/E1/_/2")).status == 201
    reply = await erp.post("project.create", PROJECT, key="again", reference="engagement/E2/_/1")
    assert (reply.status, reply.json["code"], reply.json["field"]) == (422, "project_cancelled", "project_id")


async def test_expenses_and_costs_are_taken_back_by_the_reference_of_what_was_posted(erp: Caller) -> None:
    await erp.ready_for_billing()
    assert (await erp.post("expense.post", EXPENSE, key="3", reference="expense/X/1/1")).json == {"id": "E-3"}
    back = dict(EXPENSE) | {"amount": "-84.20", "reverses": "expense/X/1/1"}
    assert (await erp.post("expense.reverse", back, key="4", reference="expense/X/1/1")).json == {"id": "R-4"}
    # Cost may be in another currency than the project's, or in none, and needs no project
    in_francs = dict(COST) | {"project": "P-E1", "amount": "60.00", "currency": "CHF"}
    assert (await erp.post("cost.post", in_francs, key="5", reference="timesheet/T/1/1")).json == {"id": "X-5"}
    assert (await erp.post("cost.post", COST, key="6", reference="timesheet/T/2/1")).json == {"id": "X-6"}
    back = dict(COST) | {"hours": "-2", "reverses": "timesheet/T/2/1"}
    assert (await erp.post("cost.reverse", back, key="7", reference="timesheet/T/2/1")).json == {"id": "R-7"}


async def test_the_first_day_of_the_open_period_is_open(erp: Caller) -> None:
    await erp.ready_for_billing()
    assert (await erp.post("billable.post", dict(BILLABLE) | {"work_date": "2026-11-01"})).status == 201


async def test_without_a_list_every_legal_entity_is_known(starting: Starting) -> None:
    erp = await starting(SandboxSettings(Role.ERP, TOKEN))
    assert (await erp.post("customer.put", dict(CUSTOMER) | {"legal_entity": "ZZ99"})).status == 201


async def test_a_repeated_key_repeats_the_first_answer(erp: Caller) -> None:
    await erp.ready_for_billing()
    first = await erp.post("billable.post", BILLABLE)
    again = await erp.post("billable.post", BILLABLE)
    assert (first.status, first.json) == (again.status, again.json) == (201, {"id": "B-3"})
    assert len(await erp.journal()) == 3


@pytest.mark.parametrize(
    "other", [orjson.dumps(dict(BILLABLE) | {"amount": "1.00"}), orjson.dumps(dict(BILLABLE)) + b" "]
)
async def test_a_key_with_another_body_is_refused(erp: Caller, other: bytes) -> None:
    await erp.ready_for_billing()
    await erp.post("billable.post", BILLABLE)
    reply = await erp.post("billable.post", other, reference="e/2/l/1")
    assert (reply.status, reply.json["code"]) == (422, "idempotency_key_reused")
    assert len(await erp.journal()) == 3


async def test_a_key_of_another_operation_is_refused(erp: Caller) -> None:
    await erp.ready_for_billing()
    reply = await erp.post("billable.post", BILLABLE, key="c")
    assert (reply.status, reply.json["code"]) == (422, "idempotency_key_reused")


async def test_a_refused_request_can_be_sent_again_under_its_key(erp: Caller) -> None:
    assert (await erp.post("billable.post", BILLABLE)).json["code"] == "unknown_project"
    await erp.ready_for_billing()
    assert (await erp.post("billable.post", BILLABLE)).status == 201


async def test_a_known_reference_is_refused_by_default_in_the_erp_alone(starting: Starting) -> None:
    for role, operation, status in ((Role.ERP, "customer.put", 409), (Role.PSA, "project.put", 201)):
        system = await starting(SandboxSettings(role, TOKEN))
        body = CUSTOMER if role is Role.ERP else PROJECT
        first = await system.post(operation, body, key="1")
        second = await system.post(operation, body, key="2")
        assert second.status == status
        assert second.json["id"] == first.json["id"]
        assert second.json.get("code") == ("reference_exists" if status == 409 else None)
        assert len(await system.journal()) == (1 if status == 409 else 2)


async def test_unique_references_can_be_switched(starting: Starting) -> None:
    erp = await starting(SandboxSettings(Role.ERP, TOKEN, unique_reference=False))
    psa = await starting(SandboxSettings(Role.PSA, TOKEN, unique_reference=True))
    assert [(await erp.post("customer.put", CUSTOMER, key=key)).status for key in "12"] == [201, 201]
    assert [(await psa.post("project.put", PROJECT, key=key)).status for key in "12"] == [201, 409]


async def test_a_look_up_knows_its_own_operation_and_any_spelling_of_the_reference(erp: Caller) -> None:
    await erp.post("customer.put", CUSTOMER, reference="customer/A%2F1+%25/_/1")
    quoted = "customer%2FA%252F1%2B%2525%2F_%2F1"
    assert (await erp.look_up("customer.put", quoted)).json == {"id": "C-A1"}
    missing = await erp.look_up("billable.post", quoted)
    assert (missing.status, missing.json["type"], missing.json["code"]) == (404, "not-found", "not_found")
    assert (await erp.journal())[0]["key"] == "customer/A/1+%"


async def test_an_unknown_path_is_not_an_absent_effect(erp: Caller) -> None:
    for method, path, status in (("GET", "/customer", 404), ("PUT", "/customers", 405), ("GET", "/", 404)):
        reply = await erp.ask(method, path)
        assert (reply.status, reply.headers["Content-Type"], reply.json["type"]) == (status, PROBLEM, "about:blank")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"bearer{TOKEN}", "Bearer \u00fc"])
async def test_a_wrong_token_is_refused(erp: Caller, given: str) -> None:
    for method in ("POST", "GET"):
        reply = await erp.ask(method, "/customers", Authorization=given)
        assert (reply.status, reply.json["code"]) == (401, "unauthorised")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency_key_missing"),
        ({"Idempotency_Key": "bare"}, "idempotency_key_malformed"),
        ({"Idempotency_Key": '""'}, "idempotency_key_malformed"),
        ({"Idempotency_Key": '"k"'}, "reference_missing"),
        ({"Idempotency_Key": '"k"', "Tallystick_Reference": "r"}, "malformed_json"),
    ],
)
async def test_a_malformed_request_says_what_to_change(erp: Caller, headers: dict[str, str], code: str) -> None:
    reply = await erp.ask("POST", "/customers", raw=b"{", Authorization=f"Bearer {TOKEN}", **headers)
    assert (reply.status, reply.json["code"]) == (400, code)


async def test_a_body_that_is_too_large_is_refused(erp: Caller) -> None:
    reply = await erp.post("customer.put", dict(CUSTOMER) | {"name": "x" * (1 << 19)})
    assert (reply.status, reply.headers["Content-Type"]) == (413, PROBLEM)
