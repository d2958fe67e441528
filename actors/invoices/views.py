"""What CRM and PSA are asked to show of an invoice: each state in its order, whenever something of it has changed."""

from __future__ import annotations

from typing import Any

from actors.decision import Request
from actors.lines import digest_after
from schemas.invoice.entity import ZERO, Invoice, View
from schemas.operations.invoice import InvoicePut, ReceivablePut

Body = InvoicePut | ReceivablePut


def shown(before: Invoice, after: Invoice, id: str, *, again: str | None = None) -> tuple[Invoice, tuple[Request, ...]]:
    """The invoice as it is once all are asked to show it, and what they are asked.

    `again` is an operation that is asked for though nothing has changed.
    """
    requests: list[Request] = []
    earlier = {operation: body for operation, (_, body) in _bodies(before, id).items()}
    for operation, (system, body) in _bodies(after, id).items():
        if operation != again and operation in after.views and earlier.get(operation) == body:
            continue
        number, trail = after.puts + 1, digest_after(after.trail, body)
        line = f"state.{number}.{trail}"
        views = {**after.views, operation: View(line=line)}
        after = after.model_copy(update={"views": views, "puts": number, "trail": trail})
        requests.append(Request(system, operation, line, body))
    return after, tuple(requests)


def _bodies(invoice: Invoice, id: str) -> dict[str, tuple[str, Body]]:
    """Operation -> the system that shows it, and what that is; nothing before it was posted."""
    places = invoice.places
    if places is None or (invoice.status == "refused" and not invoice.views):
        return {}
    found: dict[str, tuple[str, Body]] = {}
    standing = _standing(invoice, id)
    if standing is None:
        return {}
    if places.crm is not None:
        account = {
            "customer_id": places.customer, "project_id": places.project_id, "opportunity_id": places.opportunity_id,
        }  # fmt: skip
        found["invoice.put"] = places.crm, InvoicePut.model_validate(standing | account)
    if places.psa is not None:
        project = {"project_id": places.project_id, "project": places.project_in_psa}
        found["receivable.put"] = places.psa, ReceivablePut.model_validate(standing | project)
    return found


def _standing(invoice: Invoice, id: str) -> dict[str, Any] | None:
    header, status = invoice.header, invoice.status
    if header is None or status is None:
        return None
    objection = invoice.objection
    return {
        "invoice_id": id,
        "number": header.number,
        "legal_entity": header.legal_entity,
        "issued_on": header.issued_on,
        "due_on": header.due_on,
        "sent_on": invoice.sent_on,
        "currency": header.currency,
        "status": status,
        "total": invoice.total,
        "paid": invoice.paid,
        "credited": invoice.credited,
        "written_off": invoice.written_off,
        "open": max(invoice.balance, ZERO),
        "overpaid": max(-invoice.balance, ZERO),
        "disputed": objection is not None,
        "dispute": None if objection is None else objection.reason,
    }
