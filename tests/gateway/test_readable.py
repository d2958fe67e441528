"""Whether the policy file lets the changes of a system be read, and what to change where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.policy_file import PolicyFile
from gateway.readable import read_systems, why_unreadable

SOURCE = {"users": ["guest"], "types": ["customer.*", "project.opportunity_won"]}
CHANGES = {
    "source": "urn:crm",
    "begins_on": "2026-11-01",
    "service_line": "advisory",
    "tax_profile": "standard",
    "country": "US",
}


def policy(source: dict[str, Any] | None = None, **changes: Any) -> PolicyFile:
    """A policy whose Tryton is read; `changes` are fields of it."""
    crm = {
        "kind": "tryton", "url": "https://tryton.example", "database": "crm", "user": "gateway", "password": "secret",
        "companies": {"US01": "Northwind"}, "operations": ["project.link"], "changes": CHANGES, **changes,
    }  # fmt: skip
    erp = {"url": "https://erp.example", "token": "secret", "operations": {}}
    return PolicyFile.model_validate(
        {
            "legal_entities": {"US01": {"currency": "USD", "erp": "erp", "psa": "erp", "crm": "crm"}},
            "sources": {"urn:crm": SOURCE | (source or {})},
            "systems": {"crm": crm, "erp": erp},
        }
    )


def test_a_good_policy_lets_it_be_read() -> None:
    assert list(read_systems(policy())) == ["crm"]
    assert why_unreadable(policy(), "crm", "guest") == why_unreadable(policy(), "crm") == []


@pytest.mark.parametrize(
    ("changed", "user", "told"),
    [
        (policy({"users": ["other"]}), "reader", "sources.urn:crm.users: reader may not publish under it"),
        (policy({"types": ["customer.*"]}), None, "sources.urn:crm.types: what is read of the system is project.oppor"),
        (policy({"sequence": "monotonic"}), None, "sources.urn:crm.sequence: events that are read carry no number"),
        (
            policy(changes=CHANGES | {"source": "urn:x"}),
            None,
            "systems.crm.changes.source: urn:x is not under `sources`",
        ),
        (policy(changes=None), None, "systems.crm has no `changes`: add it"),
    ],
    ids=["user", "type", "numbers", "source", "changes"],
)
def test_what_is_wrong_is_told_with_its_place(changed: PolicyFile, user: str | None, told: str) -> None:
    [line] = why_unreadable(changed, "crm", user)
    assert line.startswith(told)


def test_a_system_that_publishes_by_itself_is_not_read() -> None:
    assert "kind http, whose changes are not read" in why_unreadable(policy(), "erp")[0]


def test_what_is_read_of_a_tryton_says_which_events_its_source_may_send() -> None:
    bills = {"source": "urn:crm", "begins_on": "2026-11-01", "reads": ["invoices"]}
    told = why_unreadable(policy(changes=bills), "crm")
    assert [line.rpartition("add ")[2] for line in told] == [
        "invoice.posted", "invoice.payment_received", "invoice.credit_memo_issued", "invoice.written_off",
    ]  # fmt: skip
    assert why_unreadable(policy({"types": ["invoice.*"]}, changes=bills), "crm") == []
    both = CHANGES | {"reads": ["opportunities", "invoices"]}
    assert why_unreadable(policy({"types": ["*"]}, changes=both), "crm") == []


def test_opportunities_are_not_read_without_what_tryton_does_not_say_of_them() -> None:
    with pytest.raises(ValidationError, match="give tax_profile, country too; or let `reads` be"):
        policy(changes={"source": "urn:crm", "begins_on": "2026-11-01", "service_line": "advisory"})


def test_every_mistake_is_told() -> None:
    assert (
        len(why_unreadable(policy({"users": ["x"], "types": ["timesheet.*"], "sequence": "contiguous"}), "crm", "g"))
        == 4
    )
