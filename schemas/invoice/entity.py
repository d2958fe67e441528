"""The invoice as the gateway keeps it, version 1: what was said of it, and what follows from that alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Literal, assert_never

from pydantic import BaseModel, ConfigDict

from schemas.invoice.told import LineState
from schemas.invoice.v1 import Issued, Line, Posted
from schemas.operations.invoice import InvoiceStatus
from schemas.verdicts import Failure

ZERO: Final = Decimal(0)


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Entry(_Kept):
    """A payment, a credit memo, or a write-off."""

    amount: Decimal
    currency: str
    on: date
    lines: tuple[str, ...] = ()
    """Lines of the invoice that a credit memo takes back."""


class Dispute(_Kept):
    """An objection of the customer."""

    reason: str
    amount: Decimal | None = None
    is_settled: bool = False


class View(_Kept):
    """How a system that shows the invoice was last asked to show it."""

    line: str
    failure: Failure | None = None
    """Why it does not; None while it was not refused."""


class Places(_Kept):
    """Where the invoice belongs, resolved once: what was begun in a system stays there."""

    customer: str
    """Our canonical id."""
    project_id: str | None = None
    """Our canonical id."""
    opportunity_id: str | None = None
    """The CRM's own id of the deal that the project came from."""
    contract_reference: str | None = None
    erp: str | None = None
    """The system that is to post it; None where none does."""
    books: str | None = None
    """The ERP that says that it has posted it; None while none does."""
    engine: str | None = None
    """The billing engine of its legal entity; None where the ERP bills by itself."""
    customer_in_erp: str | None = None
    project_in_erp: str | None = None
    crm: str | None = None
    """The system that shows it on the account; None where none does."""
    psa: str | None = None
    """The system that shows it on the project; None where none does, or no project is named."""
    project_in_psa: str | None = None


class Invoice(_Kept):
    """What is known of an invoice. What came before it was known is kept with the rest, and counts once it is."""

    issued: Issued | None = None
    """As a billing engine issued it."""
    posted: Posted | None = None
    """As the ERP says that it has posted it: from then on the ERP's amounts count."""
    booked: dict[str, dict[str, str]] = {}
    """`<entity>/<id>` of a sheet or report -> line id -> what was booked of it when the invoice came to bill it, or was
    last."""
    places: Places | None = None
    """None until it is known."""
    posting: Literal["none", "asked", "done", "refused", "void"] = "none"
    """`done`: the ERP has it, or a person says so. `void`: a person says that it will never be posted."""
    refusal: Failure | None = None
    """Why the ERP has refused it."""
    post_line: str | None = None
    """The last command by which the ERP was asked to post it; None, too, where a person has posted it by hand."""
    reference: str | None = None
    """Our reference under which the ERP has it by that command; None while it has not confirmed it."""
    posts: int = 0
    """How often it was; part of each command's identity."""
    external_id: str | None = None
    """The ERP's own id; None while it gave none."""
    twins: tuple[str, ...] = ()
    """Other ids under which the ERP has posted it as well."""
    sent_on: date | None = None
    payments: dict[str, Entry] = {}
    credit_memos: dict[str, Entry] = {}
    write_offs: dict[str, Entry] = {}
    disputes: dict[str, Dispute] = {}
    views: dict[str, View] = {}
    """Operation -> how it was last shown."""
    puts: int = 0
    """How many states were shown; part of each command's identity."""
    trail: str = ""
    """Digest of all states that were shown, in their order; part of the identity of the next one."""
    tells: int = 0
    """How often sheets and reports were told; part of each command's identity."""

    @property
    def header(self) -> Issued | Posted | None:
        """The invoice itself; None until it is known."""
        return self.posted or self.issued

    @property
    def lines(self) -> tuple[Line, ...]:
        """What it bills: the billing engine's word, where there is one."""
        said = self.issued or self.posted
        return () if said is None else said.lines

    @property
    def legal_entity(self) -> str | None:
        """Code of the legal entity of the firm that bills."""
        return None if self.header is None else self.header.legal_entity

    @property
    def is_posted(self) -> bool:
        """Whether it stands in the books."""
        return self.posting == "done"

    @property
    def entries(self) -> dict[tuple[str, str], Entry]:
        """(kind, id) -> payment, credit memo, or write-off."""
        kinds = {"payment": self.payments, "credit_memo": self.credit_memos, "write_off": self.write_offs}
        return {(kind, id): entry for kind, entries in kinds.items() for id, entry in entries.items()}

    @property
    def total(self) -> Decimal:
        """What the customer owed at first, with tax."""
        return ZERO if self.header is None else self.header.total

    @property
    def paid(self) -> Decimal:
        """What was paid."""
        return self._sum(self.payments)

    @property
    def credited(self) -> Decimal:
        """What is not owed any more."""
        return self._sum(self.credit_memos)

    @property
    def written_off(self) -> Decimal:
        """What was given up."""
        return self._sum(self.write_offs)

    @property
    def balance(self) -> Decimal:
        """The total less what came; below zero where too much came."""
        return self.total - self.paid - self.credited - self.written_off

    @property
    def turnover(self) -> Decimal:
        """All that was owed, came, or went back, each above zero: no sum of some of it is larger."""
        return self.total + sum((abs(entry.amount) for entry in self.entries.values()), ZERO)

    @property
    def status(self) -> InvoiceStatus | None:
        """How it stands; None while it was not posted."""
        match self.posting:
            case "none" | "asked":
                return None
            case "refused" | "void":
                return "refused"
            case "done":
                return self._settled if self.balance <= 0 else self._owed
            case _:
                assert_never(self.posting)

    @property
    def objection(self) -> Dispute | None:
        """The first dispute that is not settled."""
        return next((each for each in self.disputes.values() if not each.is_settled), None)

    def line_state(self, line: Line) -> LineState:
        """What became of a line; a credit memo in another currency takes back none, since it does not count."""
        currency = None if self.header is None else self.header.currency
        if any(line.line_id in memo.lines for memo in self.credit_memos.values() if memo.currency == currency):
            return "credited"
        status = self.status
        match status:
            case "paid" | "credited" | "written_off":
                return status
            case "refused" | None:
                return "withdrawn"
            case "posted" | "sent" | "partly_paid":
                return "invoiced"
            case _:
                assert_never(status)

    @property
    def _settled(self) -> InvoiceStatus:
        """By what nothing is open: what the firm gave up is seen first, for it is money that never came."""
        if self.written_off > 0:
            return "written_off"
        return "credited" if self.credited and self.paid <= 0 else "paid"

    @property
    def _owed(self) -> InvoiceStatus:
        if self.paid > 0:
            return "partly_paid"
        return "posted" if self.sent_on is None else "sent"

    def _sum(self, entries: Mapping[str, Entry]) -> Decimal:
        """What came in the invoice's currency; another currency is never converted."""
        currency = None if self.header is None else self.header.currency
        return sum((entry.amount for entry in entries.values() if entry.currency == currency), ZERO)
