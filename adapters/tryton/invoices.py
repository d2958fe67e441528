"""Customer invoices in Tryton: drafts, posting, payments, credit notes. Spoken by the client; no operation uses it yet.

A posted invoice takes its number from a sequence whose row Tryton locks without waiting, so two postings in one company
at the same time make one of them fail (503): here they go one after the other, company by company.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.tryton.client import Client, Domain
from adapters.tryton.companies import Company, mapping_missing, refused
from adapters.tryton.failures import Failed
from adapters.tryton.rows import Row, malformed

INVOICE_FIELDS: Final = ("state", "number", "reference", "total_amount", "amount_to_pay", "party")


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line. `unit_price` is per unit, in the invoice's currency; `taxes` are numbers of taxes."""

    description: str
    quantity: float
    unit_price: Decimal
    account: int
    product: int | None = None
    unit: int | None = None
    taxes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An invoice to a customer. `reference` is ours, by which it is found; Tryton does not keep it unique."""

    company: Company
    party: int
    address: int
    currency: int
    journal: int
    receivable: int
    invoice_date: date
    reference: str
    lines: Sequence[DraftLine]
    payment_term: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came for an invoice. `method`: name of a payment method of the company; `reference`: ours."""

    amount: Decimal
    day: date
    method: str
    reference: str


class Invoices:
    """Invoices of all companies. Calls raise `Failed`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._posting: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, reference: str, party: int, company: Company) -> Row | None:
        """The customer's invoice with our reference; refused if there are two."""
        domain = [
            ["type", "=", "out"],
            ["reference", "=", reference],
            ["party", "=", party],
            ["company", "=", company.id],
        ]
        found = await self._find(domain, company)
        if len(found) > 1:
            raise refused("reference_twice", f"two invoices of party {party} have reference {reference}: settle which")
        return found[0] if found else None

    async def draft(self, draft: Draft) -> int:
        """Make a draft; its number. Look with `of` first: nothing in Tryton refuses a second one."""
        values = {
            "type": "out",
            "company": draft.company.id,
            "journal": draft.journal,
            "party": draft.party,
            "invoice_address": draft.address,
            "currency": draft.currency,
            "account": draft.receivable,
            "payment_term": draft.payment_term,
            "invoice_date": draft.invoice_date,
            "reference": draft.reference,
            "lines": [["create", [_line(each, draft) for each in draft.lines]]],
        }
        return await self._client.create("account.invoice", values, context=draft.company.context)

    async def post(self, invoice: int, company: Company) -> str:
        """Post a draft; the number that it got. An invoice that is posted already is left as it is."""
        async with self._posting[company.id]:
            row = await self._invoice(invoice, company)
            if row.text("state") in {"draft", "validated"}:
                await self._client.write("model.account.invoice.post", [invoice], context=company.context)
                row = await self._invoice(invoice, company)
        number = row.text("number")
        if number is None:
            raise refused("not_posted", f"invoice {invoice} is {row.text('state')}, which cannot be posted")
        return number

    async def pay(self, invoice: int, payment: Payment, company: Company) -> None:
        """Record a payment. Refused if more is paid than is open. Not safe to repeat: look at the invoice before."""
        domain = [["name", "=", payment.method], ["company", "=", company.id]]
        model = "account.invoice.payment.method"
        methods = await self._client.find(model, domain, (), limit=2, context=company.context)
        if len(methods) != 1:
            reason = f"Tryton has not just one payment method {payment.method}"
            raise mapping_missing("payment_method_unknown", reason, "method")
        paying = {"amount": payment.amount, "date": payment.day, "payment_method": methods[0].id}
        paying["description"] = payment.reference
        done = await self._by_wizard("account.invoice.pay", "choice", invoice, paying, company)
        if isinstance(done, dict) and "view" in done:
            reason = f"{payment.amount} is more than invoice {invoice} has open, or does not fit: settle it in Tryton"
            raise refused("payment_differs", reason)

    async def credit(self, invoice: int, day: date, company: Company) -> None:
        """Credit a posted invoice in full, which cancels it. Not safe to repeat: look at the invoice before."""
        crediting = {"with_refund": True, "with_refund_allowed": True, "invoice_date": day}
        async with self._posting[company.id]:
            await self._by_wizard("account.invoice.credit", "credit", invoice, crediting, company)

    async def state(self, invoice: int, company: Company) -> str:
        """draft, validated, posted, paid, or cancelled."""
        return (await self._invoice(invoice, company)).text("state") or ""

    async def _by_wizard(
        self, wizard: str, step: str, invoice: int, answers: Mapping[str, object], company: Company
    ) -> object:
        """Open a wizard on an invoice, answer its first form, and take one step; nothing that can fail follows it."""
        context = {
            **company.context, "active_model": "account.invoice", "active_id": invoice, "active_ids": [invoice],
        }  # fmt: skip
        session, start = await self._begin(wizard, context)
        method = f"wizard.{wizard}.execute"
        values = _defaults(await self._client.ask(method, session, {}, start, context=context)) | dict(answers)
        done = await self._client.write(method, session, {start: values}, step, context=context)
        with suppress(Failed):  # the step is taken; Tryton removes what is left of old wizards by itself
            await self._client.ask(f"wizard.{wizard}.delete", session, context=context)
        return done

    async def _invoice(self, invoice: int, company: Company) -> Row:
        found = await self._find([["id", "=", invoice]], company)
        if not found:
            raise refused("invoice_unknown", f"invoice {invoice} is not in this Tryton")
        return found[0]

    async def _find(self, domain: Domain, company: Company) -> list[Row]:
        return await self._client.find("account.invoice", domain, INVOICE_FIELDS, limit=2, context=company.context)

    async def _begin(self, wizard: str, context: dict[str, object]) -> tuple[int, str]:
        match await self._client.ask(f"wizard.{wizard}.create", context=context):
            case [int(session), str(start), *_]:
                return session, start
            case _:
                raise malformed(f"{wizard} answers no session")


def _line(line: DraftLine, draft: Draft) -> dict[str, object]:
    return {
        "type": "line",
        "company": draft.company.id,
        "currency": draft.currency,
        "description": line.description,
        "account": line.account,
        "product": line.product,
        "unit": line.unit,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "taxes": [["add", list(line.taxes)]] if line.taxes else [],
    }


def _defaults(shown: object) -> dict[str, object]:
    """What a wizard's form holds when it opens."""
    match shown:
        case {"view": {"defaults": dict() as defaults}}:
            return {str(name): value for name, value in defaults.items() if not str(name).endswith(".")}
        case _:
            raise malformed("a wizard shows no form")
