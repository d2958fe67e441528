"""How an invoice stands, as a page of its project's wiki; pure."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Final

import orjson

from adapters.redmine.mapping import slug
from schemas.currencies import MINOR_UNITS
from schemas.operations.invoice import ReceivablePut

_PLAIN: Final = re.compile(r"[a-z0-9_-]{1,100}")


def title(invoice_id: str) -> str:
    """The name of the invoice's page. Redmine takes letters of either case for the same, and drops some signs."""
    if _PLAIN.fullmatch(invoice_id):
        return f"Invoice-{invoice_id}"
    return f"Invoice-{slug(invoice_id)}-{hashlib.sha256(invoice_id.encode()).hexdigest()[:12]}"


def text(put: ReceivablePut) -> str:
    """The page, in what Textile and Markdown have in common. Its first line says whose it is."""
    facts = {
        "Status": put.status.replace("_", " "),
        "Issued on": put.issued_on.isoformat(),
        "Sent on": None if put.sent_on is None else put.sent_on.isoformat(),
        "Due on": put.due_on.isoformat(),
        "Total": _money(put.total, put),
        "Paid": _money(put.paid, put),
        "Credited": _money(put.credited, put),
        "Written off": _money(put.written_off, put),
        "Open": _money(put.open, put),
        "Overpaid": _money(put.overpaid, put) if put.overpaid else None,
        "Disputed": _line(put.dispute or "yes") if put.disputed else None,
    }
    told = "\n".join(f"* {name}: {value}" for name, value in facts.items() if value is not None)
    return f"{_head(put)}\n\n{told}\n\nTallystick keeps this page: what others write on it is replaced."


def is_ours(page: str, put: ReceivablePut) -> bool:
    """Whether a page is that of the invoice, in whatever state."""
    return page.partition("\n")[0].strip().endswith(_mark(put))


def is_same(page: str, put: ReceivablePut) -> bool:
    """Whether a page says what is asked for; Redmine may keep its lines with other ends."""
    return page.replace("\r\n", "\n").strip() == text(put)


def content(put: ReceivablePut, version: int | None) -> bytes:
    """The body of a PUT; `version` is that of the page which it replaces, None where there is none.

    Redmine refuses it (409) where the page has another version by then: so one that lands late changes nothing newer.
    """
    return orjson.dumps({"wiki_page": {"text": text(put), "version": version or 1}})


def _head(put: ReceivablePut) -> str:
    return f"Invoice {_line(put.number)} {_mark(put)}"


def _mark(put: ReceivablePut) -> str:
    return f"({_line(put.invoice_id)})"


def _line(words: str) -> str:
    """On one line, and without what Redmine would carry out as a macro."""
    return " ".join(words.split()).replace("{{", "{ {")


def _money(amount: Decimal, put: ReceivablePut) -> str:
    return f"{amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[put.currency])):f} {put.currency}"
