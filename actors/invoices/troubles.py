"""What a person must settle about an invoice: it follows from the invoice alone, so cases open and close by it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from actors.asking import digest_of
from actors.decision import Reject
from schemas.acts import Act
from schemas.facts import Case
from schemas.invoice.entity import ZERO, Entry, Invoice
from schemas.invoice.v1 import Issued, Posted
from schemas.verdicts import Failure, FailureClass

POSTING: Final = "posting"
"""Topic of the case of an invoice that the ERP has refused."""
AMOUNTS: Final = "amounts"
"""Topic of the case of an invoice that the ERP has posted with other amounts than it was issued with."""
NOBODY_POSTS: Final = "nobody_posts"
"""Topic of the case of an invoice that a billing engine has issued, and that the policy sends to no ERP."""
TWICE: Final = "posted_twice"
"""Topic of the case of an invoice that the ERP has posted under several ids."""
OVERPAID: Final = "overpaid"
"""Topic of the case of an invoice on which more came than was owed."""
VIEW: Final = "view:"
"""Begins the topic of the case of a system that does not show the invoice as it stands."""
CURRENCY: Final = "currency:"
"""Begins the topic of the case of money in another currency than the invoice's."""
DIFFERS: Final = "differs:"
"""Begins the topic of the case of a payment, credit memo, or write-off that was told twice with another content."""
MOST: Final = Decimal(10) ** 15
"""What an invoice moves stays below this: fifteen digits before the point, see `schemas.values.Amount`."""
LOOKED_AT: Final = (AMOUNTS, OVERPAID, CURRENCY, DIFFERS, NOBODY_POSTS, TWICE)
"""How topics begin that a person settles by looking at them."""


def troubles(invoice: Invoice) -> dict[str, Case]:
    """Topic -> case."""
    return {f"{case.topic}": case for case in _cases(invoice)}


def differing(kind: str, id: str, was: Entry, entry: Entry) -> Case:
    """The case of what was told twice with another content; the first counts."""
    reason = (
        f"{_words(kind)} {id} was told with {was.amount} {was.currency}, which counts, and again with "
        f"{entry.amount} {entry.currency}: find out which is right; if it is the second, have the difference told "
        "under an id of its own, then resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, f"{kind}_differs", reason, "amount")
    return Case(failure, f"{DIFFERS}{kind}:{id}", (Act.RESOLVE,), money={entry.currency: abs(entry.amount)})


def too_large(invoice: Invoice) -> Reject | None:
    """Whether more was owed or came in all than an amount can say."""
    if invoice.turnover < MOST:
        return None
    reason = "with this the invoice has moved more money than an amount can say: have it corrected, under another id"
    return Reject(Failure(FailureClass.BUSINESS_RULE, "amount_too_large", reason, "amount"))


def _cases(invoice: Invoice) -> Iterator[Case]:
    header = invoice.header
    if invoice.refusal is not None and header is not None:
        acts = (Act.RETRY, Act.RESOLVE, Act.CANCEL)
        asks = digest_of((invoice.post_line or "").encode(), invoice.refusal.reason.encode())
        yield Case(invoice.refusal, POSTING, acts, money={header.currency: header.total}, asks=asks)
    for operation, view in invoice.views.items():
        if view.failure is not None:
            yield Case(view.failure, f"{VIEW}{operation}", (Act.RETRY, Act.RESOLVE))
    if header is None:
        return
    if invoice.issued is not None:
        yield from _of_issued(invoice, invoice.issued)
    if invoice.twins:
        yield _twice(header, (*invoice.twins, f"{invoice.external_id}"))
    if invoice.balance < 0:
        yield _overpaid(header.currency, -invoice.balance, invoice.written_off)
    for (kind, id), entry in invoice.entries.items():
        if entry.currency != header.currency:
            yield _foreign(kind, id, entry, header.currency)


def differ(one: Issued | Posted, other: Issued | Posted) -> bool:
    """Whether two of the same invoice do not mean the same money, or are not the same one to the customer."""
    return _money(one) != _money(other)


def _money(invoice: Issued | Posted) -> tuple[object, ...]:
    return invoice.legal_entity, invoice.number, invoice.currency, invoice.net, invoice.tax, invoice.total


def _of_issued(invoice: Invoice, issued: Issued) -> Iterator[Case]:
    if invoice.posting == "none" and invoice.places and invoice.places.engine:
        yield _nobody_posts(issued, invoice.places.engine)
    if invoice.posted is not None and differ(issued, invoice.posted):
        yield _amounts(issued, invoice.posted)


def _nobody_posts(issued: Issued, engine: str) -> Case:
    reason = (
        f"{engine} has issued {issued.number}, and the policy sends invoices of {issued.legal_entity} to no ERP: name "
        f"one under legal_entities.{issued.legal_entity}.operations.invoice.post and retry; where it is posted "
        "otherwise, import the ERP's id of it, or resolve this"
    )
    failure = Failure(FailureClass.MAPPING, "nobody_posts", reason, "legal_entity")
    acts, money = (Act.RETRY, Act.RESOLVE), {issued.currency: issued.total}
    return Case(failure, NOBODY_POSTS, acts, money=money, asks=digest_of(issued.number.encode()))


def _twice(header: Issued | Posted, ids: tuple[str, ...]) -> Case:
    names = " and as ".join(ids)
    reason = f"the ERP has posted {header.number} as {names}: have all but one reversed, then resolve this"
    failure = Failure(FailureClass.DUPLICATE, "posted_twice", reason, "external_id")
    asks, money = digest_of(*(each.encode() for each in ids)), {header.currency: header.total}
    return Case(failure, TWICE, (Act.RESOLVE,), owner="finance", money=money, asks=asks)


def _amounts(issued: Issued, posted: Posted) -> Case:
    reason = (
        f"it was issued by {issued.legal_entity} as {issued.number} with {issued.net} and {issued.tax} tax "
        f"{issued.currency}, and posted by {posted.legal_entity} as {posted.number} with {posted.net} and {posted.tax} "
        f"tax {posted.currency}, which counts: correct what is wrong, then resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "posted_differs", reason, "total")
    asks = digest_of(*(f"{each}".encode() for each in (*_money(issued), *_money(posted))))
    return Case(failure, AMOUNTS, (Act.RESOLVE,), owner="finance", money={posted.currency: posted.total}, asks=asks)


def _overpaid(currency: str, amount: Decimal, written_off: Decimal) -> Case:
    """What was given up is owed first: of what came above the total only the rest is to be paid back."""
    owed = min(amount, max(written_off, ZERO))
    if not owed:
        reason = (
            f"{amount} {currency} more came than was owed: pay it back or book it on another invoice, "
            "and have that told as a payment below zero; this closes by itself then"
        )
        failure = Failure(FailureClass.BUSINESS_RULE, "overpaid", reason, "amount")
        asks = digest_of(f"{amount:f}".encode())
        return Case(failure, OVERPAID, (Act.RESOLVE,), money={currency: amount}, asks=asks)
    rest = "" if owed == amount else f"; pay back the other {amount - owed}, told as a payment below zero"
    reason = (
        f"{amount} {currency} more came than was open, and {written_off} had been written off: take back {owed} of "
        f"that, told as a write-off below zero{rest}; this closes by itself then"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "paid_after_write_off", reason, "amount")
    asks = digest_of(f"{amount:f}".encode(), f"{owed:f}".encode())
    return Case(failure, OVERPAID, (Act.RESOLVE,), money={currency: amount}, asks=asks)


def _foreign(kind: str, id: str, entry: Entry, currency: str) -> Case:
    reason = (
        f"{_words(kind)} {id} is in {entry.currency} and the invoice in {currency}: it does not count, for nothing is "
        f"converted here; have what it settles told in {currency} under an id of its own, then resolve this"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "currency_differs", reason, "amount")
    return Case(failure, f"{CURRENCY}{kind}:{id}", (Act.RESOLVE,), money={entry.currency: abs(entry.amount)})


def _words(kind: str) -> str:
    return kind.replace("_", " ")
