"""Golden files: what is written into Tryton for a canonical body does not change unnoticed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from adapters.tryton.mapping import (
    Closing,
    CustomerWords,
    Values,
    cancelled_comment,
    cancelled_values,
    duration_of,
    is_cancelled,
    line_values,
    link_changes,
    party_changes,
    party_values,
    project_values,
)
from adapters.tryton.rows import Row
from adapters.tryton.values import encode
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectLink
from tests.schemas.bodies import BODIES

GOLDEN = Path(__file__).parent / "golden"
WORDS = CustomerWords(tax_rule=3, payment_term=10, country=57, identifier_type="eu_vat")
REFERENCE = "timesheet/TS-1/L1.r1/1"

WRITTEN: dict[str, Values] = {
    "customer.put": party_values(BODIES["customer.put"], WORDS),  # type: ignore[arg-type]  # the table erases types
    "project.create": project_values(BODIES["project.create"], 5, 1, 2),  # type: ignore[arg-type]
    "billable.post": line_values(BODIES["billable.post"], REFERENCE, 1, 4, 9),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("operation", WRITTEN)
def test_what_is_written_does_not_change(operation: str) -> None:
    golden = (GOLDEN / f"{operation}.json").read_bytes()
    assert orjson.loads(encode(WRITTEN[operation])) == orjson.loads(golden)


def customer(**changed: object) -> CustomerPut:
    body = BODIES["customer.put"]
    assert isinstance(body, CustomerPut)
    return body.model_copy(update=changed)


def party(**changed: object) -> Row:
    """A party as `customer()` left it."""
    body = customer()
    values = {
        "id": 5,
        "code": body.customer_id,
        "name": body.name,
        "customer_tax_rule": 3,
        "customer_payment_term": 10,
        "_timestamp": "1.000001",
    }
    return Row(values | changed)


def identifier(code: str, type: str | None = "eu_vat") -> Row:
    return Row({"id": 8, "type": type, "code": code})


class TestChangesOfAParty:
    def test_one_that_was_there_before_us_gets_our_id(self) -> None:
        body = customer(tax_id=None, erp_id="5")
        assert party_changes(body, WORDS, party(code="17"), []) == {"code": body.customer_id}

    def test_one_that_is_as_it_should_be_is_left_alone(self) -> None:
        body = customer(tax_id="DE 811 907 980")
        assert party_changes(body, WORDS, party(), [identifier("DE811907980")]) == {}

    def test_only_what_differs_is_written(self) -> None:
        changes = party_changes(
            customer(name="Other"), WORDS, party(customer_tax_rule=4), [identifier(f"{customer().tax_id}")]
        )
        assert changes == {"name": "Other", "customer_tax_rule": 3}

    def test_another_tax_id_replaces_that_of_its_type(self) -> None:
        changes = party_changes(customer(tax_id="DE1"), WORDS, party(), [identifier("x", None), identifier("DE2")])
        assert changes == {"identifiers": [["write", [8], {"code": "DE1"}]]}

    def test_a_first_tax_id_is_added(self) -> None:
        changes = party_changes(customer(tax_id="DE1"), WORDS, party(), [identifier("x", None)])
        assert changes == {"identifiers": [["create", [{"type": "eu_vat", "code": "DE1"}]]]}

    def test_terms_of_payment_that_we_do_not_know_stay(self) -> None:
        words = CustomerWords(3, None, 57, "eu_vat")
        assert party_changes(customer(tax_id=None), words, party(), []) == {}


class TestLink:
    LINK = ProjectLink(opportunity_id="4", project_id="4-US01", erp_id="12", psa_id="7")

    def test_ids_stand_in_the_comment_and_in_an_empty_reference(self) -> None:
        changes = link_changes(self.LINK, Row({"id": 4, "comment": "Call Ann", "reference": None}))
        assert changes == {"comment": "Call Ann\nTallystick: project 4-US01, ERP 12, PSA 7", "reference": "4-US01"}

    def test_a_reference_of_others_stays(self) -> None:
        changes = link_changes(self.LINK, Row({"id": 4, "comment": None, "reference": "PO 7"}))
        assert changes == {"comment": "Tallystick: project 4-US01, ERP 12, PSA 7"}

    def test_linking_twice_changes_nothing_and_a_new_id_replaces_the_old(self) -> None:
        linked = Row({"id": 4, "comment": "Tallystick: project 4-US01, ERP 12, PSA 7\nbye", "reference": "PO 7"})
        moved = self.LINK.model_copy(update={"psa_id": "8"})
        assert link_changes(moved, linked) == {"comment": "bye\nTallystick: project 4-US01, ERP 12, PSA 8"}
        again = Row({"id": 4, "comment": "Tallystick: project 4-US01, ERP 12, PSA 8\nand more", "reference": "PO 7"})
        assert link_changes(moved, again) == {}


def test_hours_are_whole_seconds() -> None:
    assert duration_of(Decimal("3.75")) == timedelta(hours=3, minutes=45)
    assert duration_of(Decimal("0.01")) == timedelta(seconds=36)
    assert all(duration_of(Decimal(cents) / 100) == timedelta(seconds=36 * cents) for cents in range(1, 2401))


class TestProjectsThatAreTakenBack:
    def test_it_is_one_once_every_work_is_closed_and_off_the_time_sheets(self) -> None:
        project = Row({"id": 1, "status": 2, "timesheet_available": False})
        for status, takes_time, is_so in ((2, False, True), (1, False, False), (2, True, False)):
            task = Row({"id": 2, "status": status, "timesheet_available": takes_time})
            assert is_cancelled([project, task], Closing(2, 1.0)) == is_so

    def test_progress_is_written_where_the_status_asks_for_it(self) -> None:
        assert cancelled_values(Closing(2, 1.0)) == {"status": 2, "timesheet_available": False, "progress": 1.0}
        assert cancelled_values(Closing(3, None)) == {"status": 3, "timesheet_available": False}

    def test_the_comment_keeps_what_stands_there_and_tells_the_reason_once(self) -> None:
        told = "Contract S-1\nTallystick: cancelled: The deal is off."
        assert cancelled_comment(Row({"id": 1, "comment": "Contract S-1"}), "The deal\nis off.") == told
        assert cancelled_comment(Row({"id": 1, "comment": told}), "The deal is off.") == told
