"""What lines come to: given lines of some keys, when they are counted, then the sums say so."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapters.ports.kpis import CaseChange
from schemas.acts import Act, Acted
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.invoice.v1 import Disputed
from schemas.keys import ActorKey, external_key
from schemas.verdicts import FailureClass
from tests.actors.firm import deal, part
from tests.gateway.kpis.logbook import DEAL, INVOICE, NOON, PEOPLE, PSA, SELF, SHEET, Logbook

WON, APPROVED, CORRECTED = "project.opportunity_won", "timesheet.approved", "timesheet.corrected"


def acted(act: Act) -> Acted:
    """What a person does."""
    return Acted(topic="approval:large", act=act, by="E-1", reason="so be it")


def invoiced(invoice: str, state: LineState, *line_ids: str) -> Invoiced:
    """What an invoice tells a sheet."""
    lines = tuple(BilledLine(line_id=line_id, state=state) for line_id in line_ids)
    return Invoiced(to="T-1", invoice=invoice, number=invoice, lines=lines)


def disputed(*, settled: bool = False) -> Disputed:
    """What a customer says."""
    return Disputed(dispute_id="D-1", reason="too much", settled=settled)


class TestDeals:
    def test_a_deal_takes_from_its_first_message_to_each_opened_project(self) -> None:
        book = Logbook()
        # Given a deal of two parts that came five seconds before it was applied
        parts = deal(part("DE01", value="100.00"), part("US01", currency="USD"))
        book.message(DEAL, "applied", WON, data=parts, received=5)
        assert (book.count_of("deals_won"), book.total_of("deals_won")) == (2, Decimal(100))
        assert book.kept[DEAL].since == NOON - timedelta(seconds=5)
        # When both projects are opened, one of them later
        book.pass_time(minutes=1)
        book.command(DEAL, "project.opened", legal_entity="DE01")
        assert book.kept[DEAL].since is not None
        book.pass_time(days=2)
        book.command(DEAL, "project.opened", legal_entity="US01")
        # Then each took its time, and nothing waits any more
        assert book.labels_of("projects_opened") == ["3d", "5m"]
        assert book.total_of("projects_opened") == 65 + 65 + 172_800
        assert (book.figure("untouched").value, book.kept[DEAL].since) == (Decimal(100), None)

    def test_a_deal_that_comes_again_is_the_same_deal(self) -> None:
        book = Logbook()
        book.message(DEAL, "applied", WON, data=deal(part("DE01")), received=5)
        book.pass_time(hours=1)
        book.message(DEAL, "applied", WON, data=deal(part("DE01"), part("US01")))
        book.command(DEAL, "project.opened")
        book.command(DEAL, "project.opened")
        assert (book.count_of("deals_won"), book.count_of("projects_opened")) == (2, 1)
        assert book.total_of("projects_opened") == 3605

    @pytest.mark.parametrize("touch", ["act", "parked", "refused", "first"])
    def test_a_person_who_acted_is_seen(self, touch: str) -> None:
        book = Logbook()
        if touch == "first":
            book.message(DEAL, "parked", WON, ref=1, received=60)
        book.message(DEAL, "applied", WON, data=deal(part()), ref=1, received=60)
        if touch == "act":
            book.message(DEAL, "applied", "engagement.acted", source=PEOPLE, data=acted(Act.APPROVE))
        elif touch == "parked":
            book.message(DEAL, "parked", "engagement.customer_ready", source=SELF)
        elif touch == "refused":
            book.command(DEAL, "project.create", what="command_parked", is_confirmed=False)
        book.command(DEAL, "project.opened")
        assert (book.count_of("projects_opened"), book.count_of("opened_untouched")) == (1, 0)
        assert (book.figure("untouched").value, book.total_of("projects_opened")) == (Decimal(0), Decimal(60))

    def test_an_opening_that_was_refused_is_none(self) -> None:
        book = Logbook()
        book.message(DEAL, "applied", WON, data=deal(part()))
        book.command(DEAL, "project.opened", is_confirmed=False)
        assert book.count_of("projects_opened") == 0


class TestBilling:
    def test_a_line_takes_from_its_approval_to_its_booking(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1, received=30)
        book.pass_time(seconds=30)
        book.command(SHEET, "billable.post", "L1.r1", amount="941.25", day=date(2026, 2, 27))
        book.command(SHEET, "cost.post", "L2.r1", amount="80.00", day=date(2026, 2, 27))
        billing, [billed] = book.figure("billing"), [each for each in book.sums if each.measure == "billed"]
        assert (billing.value, billing.of, book.labels_of("lines_billed")) == (Decimal(60), 1, ["1m"])
        assert (billed.total, billed.currency, billed.legal_entity) == (Decimal("941.25"), "EUR", "DE01")
        assert book.figure("days_to_close").value == 9
        assert book.figure("posting_accuracy").value == 100

    def test_a_correction_is_taken_back_and_booked_anew(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1)
        book.command(SHEET, "billable.post", "L1.r1", amount="941.25")
        book.message(SHEET, "applied", CORRECTED, version=3)
        book.pass_time(seconds=3)
        book.command(SHEET, "billable.reverse", "L1.r1", version=3, amount="-941.25")
        book.command(SHEET, "billable.post", "L1.r2", version=3, amount="533.38")
        assert (book.total_of("billed"), book.total_of("wip")) == (Decimal("533.38"), Decimal("533.38"))
        assert (book.count_of("lines_billed"), book.total_of("lines_billed")) == (2, Decimal(3))

    def test_what_a_repair_books_and_takes_back_is_counted_already(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1)
        book.command(SHEET, "billable.post", "L1.r1", amount="941.25", day=date(2026, 2, 27))
        before = dict(book.added)
        # When a repair takes back what stands wrongly in the ERP, and books the line anew, late in the next month
        book.pass_time(days=30)
        book.message(SHEET, "applied", "timesheet.repaired", source=SELF, version=3)
        book.command(SHEET, "billable.reverse", "L1.r1.repair.17.1.4", version=3, amount="-900.00")
        book.command(SHEET, "billable.post", "L1.r1.2", version=3, amount="941.25", day=date(2026, 2, 27))
        # Then these are two more bookings that the ERP took, and nothing else
        after = {place: added for place, added in book.added.items() if before.get(place) != added}
        assert {place.measure for place in after} == {"posted"}
        # And a correction of what the repair has booked counts as ever
        book.message(SHEET, "applied", CORRECTED, version=4)
        book.command(SHEET, "billable.reverse", "L1.r1.2", version=4, amount="-941.25")
        assert (book.total_of("billed"), book.total_of("wip")) == (Decimal(0), Decimal(0))

    def test_a_line_may_be_called_as_it_likes(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1)
        book.command(SHEET, "billable.post", "a.r1", amount="10.00")
        book.command(SHEET, "billable.post", "a.r1.r1", amount="5.00", line_id="a.r1")
        book.message(SHEET, "applied", "timesheet.invoiced", source=SELF, data=invoiced("I-1", "invoiced", "a.r1"))
        assert book.total_of("wip") == 10

    def test_what_is_booked_at_other_rates_was_approved_by_nobody_now(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1)
        book.message(SHEET, "applied", "timesheet.acted", source=PEOPLE, version=2, data=acted(Act.APPROVE))
        book.command(SHEET, "billable.post", "L1.r1.2", version=2, amount="10.00")
        assert (book.count_of("lines_billed"), book.count_of("billed")) == (0, 1)

    def test_a_refusal_is_no_booking(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED, version=1)
        book.command(SHEET, "billable.post", amount="941.25", is_confirmed=False, what="command_parked")
        book.command(SHEET, "billable.post", amount="941.25")
        assert (book.total_of("billed"), book.count_of("refused"), book.count_of("posted")) == (Decimal("941.25"), 1, 1)
        assert book.figure("posting_accuracy").value == 50

    def test_a_line_is_in_progress_until_an_invoice_bills_it(self) -> None:
        book = Logbook()

        def tell(invoice: str, state: LineState, *line_ids: str) -> Decimal:
            book.message(SHEET, "applied", "timesheet.invoiced", source=SELF, data=invoiced(invoice, state, *line_ids))
            return book.total_of("wip")

        book.command(SHEET, "billable.post", "L1.r1", amount="100.00")
        book.command(SHEET, "billable.post", "L.r2.r1", amount="20.00", line_id="L.r2")
        assert tell("I-1", "invoiced", "L1", "L.r2") == 0
        assert tell("I-1", "paid", "L1") == 0
        assert tell("I-2", "invoiced", "L1") == 0
        assert tell("I-1", "withdrawn", "L1") == 0
        assert tell("I-2", "withdrawn", "L1") == 100
        assert tell("I-2", "withdrawn", "unheard of") == 100
        book.command(SHEET, "billable.reverse", "L1.r1", amount="-100.00")
        assert (book.total_of("wip"), book.total_of("billed")) == (Decimal(0), Decimal(20))

    def test_an_invoice_that_comes_before_the_booking(self) -> None:
        book = Logbook()
        told = invoiced("I-1", "invoiced", "L1")
        book.message(SHEET, "applied", "timesheet.invoiced", source=SELF, data=told)
        book.command(SHEET, "billable.post", "L1.r1", amount="100.00")
        assert book.total_of("wip") == 0


class TestInvoices:
    def test_an_invoice_is_judged_once(self) -> None:
        book = Logbook()
        for _ in range(2):
            book.command(INVOICE, "invoice.post", is_confirmed=False, what="command_done")
            book.message(INVOICE, "applied", "invoice.posting_rejected")
        for _ in range(2):
            book.command(INVOICE, "invoice.post")
            book.message(INVOICE, "applied", "invoice.posted")
        counts = [book.count_of(f"invoices_{what}") for what in ("judged", "posted", "refused")]
        assert counts == [1, 1, 1]
        assert book.figure("invoices_refused").value == 100

    def test_a_dispute_after_a_failure_is_told_from_one_without(self) -> None:
        book = Logbook()
        other = ActorKey("invoice", "I-2")
        book.message(INVOICE, "parked", "invoice.issued", ref=7)
        for key in (INVOICE, other):
            book.message(key, "applied", "invoice.posted")
            for data in (disputed(settled=True), disputed(), disputed()):
                book.message(key, "applied", "invoice.disputed", data=data, legal_entity=None)
        shares = [book.figure(name).value for name in ("invoices_disputed", "disputed_after_failure")]
        assert shares == [100, 50]
        assert {each.legal_entity for each in book.sums if each.measure == "invoices_disputed"} == {"DE01"}


class TestMilestones:
    def test_what_is_billed_anew_by_a_repair_was_counted_before(self) -> None:
        book = Logbook()
        bridge = ActorKey("project", "P-1")
        book.command(bridge, "milestone.bill", "milestone.5e.M-1", version=2, amount="8000.00")
        book.message(bridge, "applied", "project.repaired", source=SELF, version=3)
        book.command(bridge, "milestone.bill", "milestone.5e-2.M-1", version=3, amount="8000.00")
        book.command(bridge, "milestone.bill", "milestone.5e.M-2", version=4, amount="500.00", is_confirmed=False)
        assert (book.total_of("billed"), book.count_of("posted")) == (Decimal("8000.00"), 2)


class TestMessages:
    def test_what_waited_or_stood_is_counted_when_it_ends(self) -> None:
        book = Logbook()
        foreign = external_key("psa", "timesheet", "77")
        # Given one message that waits under a foreign id and again under its own, and one that is parked
        book.message(foreign, "waiting", APPROVED, ref=1)
        book.message(SHEET, "waiting", APPROVED, ref=1)
        book.message(SHEET, "parked", APPROVED, ref=2)
        assert book.added == {}
        # When both end, and two more without ado
        book.message(SHEET, "applied", APPROVED, ref=1)
        book.message(SHEET, "discarded", APPROVED, ref=2)
        book.message(SHEET, "ignored", APPROVED, ref=3)
        book.message(SHEET, "applied", APPROVED, ref=4)
        # Then a quarter has waited, a quarter has failed, and nothing of it is remembered
        assert [book.figure(name).value for name in ("matched", "failed")] == [75, 25]
        assert (book.count_of("corrections"), book.figure("duplicates_stopped").value) == (1, Decimal(1))
        assert [key for key in book.kept if key.entity == "message"] == []

    def test_a_conflict_is_the_end_of_its_message(self) -> None:
        book = Logbook()
        book.message(SHEET, "applied", APPROVED)
        book.message(SHEET, "conflict", APPROVED, source=f"conflict:{PSA}")
        failed = book.figure("failed")
        assert (failed.value, failed.of) == (Decimal(50), 2)
        assert [key for key in book.kept if key.entity == "message"] == []

    def test_what_the_gateway_says_to_itself_is_no_message_of_a_source(self) -> None:
        book = Logbook()
        book.message(SHEET, "waiting", "timesheet.rates_changed", source=SELF)
        book.message(SHEET, "applied", "timesheet.rates_changed", source=SELF)
        book.message(SHEET, "applied", "timesheet.acted", source=PEOPLE, data=acted(Act.RETRY))
        assert book.added == {}

    @pytest.mark.parametrize(("act", "counts"), [(each, each in ("edit-retry", "cancel", "resolve")) for each in Act])
    def test_acts_that_correct_something(self, act: Act, counts: bool) -> None:  # noqa: FBT001  # a case of the table
        book = Logbook()
        book.message(DEAL, "applied", "engagement.acted", source=PEOPLE, data=acted(act))
        book.message(DEAL, "ignored", "engagement.acted", source=PEOPLE, data=acted(act))
        assert (book.count_of("corrections"), book.labels_of("corrections")) == (int(counts), [act] * counts)

    def test_cases_take_from_their_last_opening_to_their_closing(self) -> None:
        book = Logbook()
        for failure_class in (FailureClass.DUPLICATE, FailureClass.MAPPING):
            book.case(CaseChange.OPENED, failure_class)
            book.case(CaseChange.CLOSED, failure_class, opened=3600)
            book.case(CaseChange.REOPENED, failure_class, opened=0)
        assert (book.figure("case_resolution").value, book.labels_of("cases_closed")) == (Decimal(3600), ["1h"])
        assert book.count_of("duplicate_cases") == 1

    def test_earlier_days_are_not_counted_again(self) -> None:
        book = Logbook(since=date(2026, 3, 10))
        book.message(SHEET, "applied", APPROVED, version=1)
        book.pass_time(days=1)
        book.command(SHEET, "billable.post", amount="5.00")
        assert (book.count_of("messages"), book.count_of("lines_billed")) == (0, 1)
        assert book.total_of("lines_billed") == 86_400
