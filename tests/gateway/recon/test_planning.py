"""Planning: what commands can repair is planned as it was found, and of the rest it is said why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.ports.recon import Difference, Kind, Numbered
from gateway.recon.planning import planned, post_of
from schemas.operations.billable import BillablePost
from schemas.repair.v1 import MOST_ITEMS, Item
from schemas.standing import Sort, Standing
from tests.schemas.bodies import BODIES

BODY = BODIES["billable.post"].to_json()
REFERENCE = "timesheet/T-1/1.r1/1"
OURS = Standing(Sort.BILLABLE, REFERENCE, None, "DE01", date(2026, 10, 26), Decimal("1087.50"), "EUR", "REV-ADV")
THEIRS = replace(OURS, external_id="B-7", body=BODY)


def difference(kind: Kind, ours: Standing | None = OURS, theirs: Standing | None = THEIRS) -> Difference:
    return Difference(kind, (ours or theirs or OURS).name, ours, theirs)


def can_ask(_sort: Sort) -> bool:
    return True


def item(found: Difference) -> Item:
    [planned_item] = planned([Numbered(3, found)], {}, can_ask).items
    return planned_item


def why_not(found: Difference) -> str:
    draft = planned([Numbered(3, found)], {}, can_ask)
    assert draft.items == ()
    [left] = draft.left
    assert (left.number, left.name) == (3, found.name)
    return left.why


def test_what_is_missing_is_booked_again() -> None:
    found = item(difference(Kind.MISSING, theirs=None))
    assert (found.number, found.entity, found.key, found.booking) == (3, "timesheet", "T-1", "1.r1")
    assert (found.sort, found.legal_entity) == ("billable", "DE01")
    assert (found.holds, found.books, found.stands) == (REFERENCE, True, None)


def test_what_is_different_is_taken_back_as_it_stands_there() -> None:
    by_hand = replace(THEIRS, amount=Decimal("1.00"), day=date(2026, 10, 27), account="REV-X")
    found = item(difference(Kind.DIFFERENT, theirs=by_hand))
    assert isinstance(found.stands, BillablePost)
    stands = found.stands
    assert (stands.amount, stands.work_date, stands.revenue) == (Decimal("1.00"), date(2026, 10, 27), "REV-X")
    assert (found.books, found.holds, found.reference, found.external_id) == (True, REFERENCE, REFERENCE, "B-7")


@pytest.mark.parametrize(("kind", "ours"), [(Kind.EXTRA, None), (Kind.TWICE, OURS)])
def test_what_is_too_much_is_taken_back_and_nothing_is_booked(kind: Kind, ours: Standing | None) -> None:
    found = item(difference(kind, ours))
    assert (found.books, found.external_id, found.holds) == (False, "B-7", ours and ours.reference)


def test_what_is_not_ours_is_only_named() -> None:
    assert "reference of ours" in why_not(difference(Kind.EXTRA, None, replace(THEIRS, reference=None)))


def test_what_stands_in_a_case_is_settled_there() -> None:
    assert "case 17" in why_not(replace(difference(Kind.MISSING, theirs=None), case=17))


INVOICE = replace(
    OURS, sort=Sort.INVOICE, reference="invoice/I-1/post.1.abc/1", amount=Decimal("119.00"), open=Decimal("119.00")
)
MILESTONE = replace(OURS, sort=Sort.MILESTONE, reference="project/P-1/milestone.5e88.M-1/1")


@pytest.mark.parametrize(
    ("ours", "entity", "key", "booking"),
    [(INVOICE, "invoice", "I-1", "post.1.abc"), (MILESTONE, "project", "P-1", "milestone.5e88.M-1")],
    ids=["invoice", "milestone"],
)
def test_invoices_and_milestones_that_are_missing_are_asked_for_again(
    ours: Standing, entity: str, key: str, booking: str
) -> None:
    found = item(difference(Kind.MISSING, ours, None))
    assert (found.entity, found.key, found.booking, found.holds) == (entity, key, booking, ours.reference)
    assert (found.sort, found.books, found.stands) == (ours.sort, True, None)


@pytest.mark.parametrize("ours", [INVOICE, MILESTONE], ids=["invoice", "milestone"])
def test_what_a_customer_was_asked_for_is_not_taken_back(ours: Standing) -> None:
    theirs = replace(ours, external_id="I-77", amount=Decimal("9.00"))
    changed = replace(difference(Kind.DIFFERENT, ours, theirs), fields=("amount",))
    assert "by a credit memo alone" in why_not(changed)
    for kind, held in ((Kind.EXTRA, None), (Kind.TWICE, ours)):
        assert "credited or voided" in why_not(difference(kind, held, theirs))


def test_what_one_side_alone_was_told_of_an_invoice_is_told_to_the_other() -> None:
    paid = replace(INVOICE, external_id="I-77", open=Decimal("0.00"))
    assert "lacks a payment" in why_not(replace(difference(Kind.DIFFERENT, INVOICE, paid), fields=("open",)))


def test_an_invoice_of_which_something_came_is_not_posted_again() -> None:
    assert "came of it" in why_not(difference(Kind.MISSING, replace(INVOICE, open=Decimal("19.00")), None))


@pytest.mark.parametrize("body", [None, b"[]", b"{}"])
def test_what_cannot_be_said_in_our_words_is_not_taken_back(body: bytes | None) -> None:
    assert "does not say" in why_not(difference(Kind.TWICE, theirs=replace(THEIRS, body=body)))


def test_a_reversal_that_stands_by_itself_is_not_taken_back() -> None:
    assert post_of(replace(THEIRS, amount=Decimal("-1087.50"))) is None


def test_a_plan_has_an_end() -> None:
    many = [Numbered(number, difference(Kind.MISSING, theirs=None)) for number in range(1, MOST_ITEMS + 4)]
    draft = planned(many, {}, can_ask)
    assert (len(draft.items), draft.more) == (MOST_ITEMS, 3)


def test_what_a_plan_has_already_is_left_to_it() -> None:
    both = [Numbered(number, difference(Kind.MISSING, theirs=None)) for number in (1, 2)]
    draft = planned(both, {1: "17.1"}, can_ask)
    assert [each.number for each in draft.items] == [2]
    assert "plan 17.1 has it" in draft.left[0].why


def test_what_a_system_cannot_be_asked_for_is_not_booked_again() -> None:
    asked: list[Sort] = []

    def cannot(sort: Sort) -> bool:
        asked.append(sort)
        return False

    both = [Numbered(1, difference(Kind.MISSING, theirs=None)), Numbered(2, difference(Kind.DIFFERENT))]
    draft = planned(both, {}, cannot)
    assert [each.number for each in draft.items] == [2]
    assert ("might have it" in draft.left[0].why, asked) == (True, [Sort.BILLABLE])
