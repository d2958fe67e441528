"""What is wrong with some messages on purpose: repetitions, conflicts, and bad input."""

from __future__ import annotations

from dataclasses import replace

import orjson

from gateway.demo.firm.model import TODAY, Fate, Firm
from gateway.demo.telling import from_crm, from_psa
from gateway.demo.telling.pen import Pen
from gateway.demo.telling.sending import Planted, Sender, Sending, changed


def repeated(sending: Sending) -> Sending:
    """The same message in the other mode, which changes nothing of what it says."""
    return replace(sending, is_binary=not sending.is_binary, planted=Planted.DUPLICATE)


def conflicting(approval: Sending) -> Sending:
    """The id of an approval with other hours under it."""
    data = orjson.loads(approval.event)["data"]
    data["lines"][0]["hours"] = "23.75"
    return replace(approval, event=changed(approval.event, data=data), planted=Planted.CONFLICT)


def bad_input(pen: Pen, firm: Firm) -> list[Sending]:
    """One of each kind. What is numbered is about sheets of its own: no number of a good one goes lost with it."""
    deal = next(deal for deal in firm.deals if deal.projects[0].fee is not None)
    sheet = next(sheet for sheet in firm.sheets if sheet.fate is Fate.PLAIN)
    won = from_crm.won(pen, deal, TODAY)
    renamed = from_crm.customer(pen, deal.client, TODAY)
    mistyped, foreign = [from_psa.submitted(pen, replace(sheet, id=f"TS-STRAY-{number}")) for number in (1, 2)]
    data = orjson.loads(won.event)["data"]
    data["parts"][0]["billing"]["fee"]["amount"] = 24000.1
    return [
        replace(won, event=changed(won.event, data=data), planted=Planted.AMOUNT_AS_NUMBER),
        replace(
            renamed,
            event=changed(renamed.event, type="customer.renamed.v1"),
            routing_key="customer.renamed",
            planted=Planted.UNKNOWN_TYPE,
        ),
        replace(mistyped, routing_key="timesheets.submitted", planted=Planted.WRONG_ROUTING_KEY),
        replace(
            foreign,
            sender=Sender.CRM,
            source=Sender.CRM.source,
            event=changed(foreign.event, source=Sender.CRM.source),
            planted=Planted.FORBIDDEN,
        ),
    ]
