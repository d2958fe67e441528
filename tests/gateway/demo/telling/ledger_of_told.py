"""What the published JSON says of the books, read without any model of ours: brute force, event by event.

It knows nothing of the firm, of fates, or of plans: it takes the last word on every sheet, report, and contract, prices
each line by the change orders that it finds, and adds up. So it proves that what is told and the firm's own reckoning
are the same firm.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

Books = dict[tuple[str, str, str, str], Decimal]
"""(legal entity, currency, measure, key) -> amount."""

CENT = Decimal("0.01")


def told(events: Iterable[bytes]) -> Books:
    """The books, zeros left out."""
    by_type: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for raw in events:
        event = json.loads(raw)
        by_type[event["type"].rpartition(".")[0]].append(event)
    books: defaultdict[tuple[str, str, str, str], Decimal] = defaultdict(Decimal)
    for place, amount in (*_papers(by_type), *_milestones(by_type), *_invoices(by_type)):
        books[place] += amount
    return {place: amount for place, amount in books.items() if amount}


def _papers(by_type: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[tuple[tuple[str, str, str, str], Decimal]]:
    costs = {event["subject"]: Decimal(event["data"]["cost_rate"]["amount"]) for event in by_type["employee.upserted"]}
    prices = dict(_contracts(by_type))
    for entity, billed in (("timesheet", "time billed"), ("expense", "expenses billed")):
        for subject, data in _last(entity, by_type):
            rounding = ROUND_HALF_EVEN if data["legal_entity"] == "UK01" else ROUND_HALF_UP
            for line in data["lines"]:
                measure = billed if line["billable"] else "cost"
                if entity == "expense":
                    amount = Decimal(line["amount"])
                elif line["billable"]:
                    rates = prices[data["project"]["external_id"].removeprefix("psa-")]
                    price = [rates_of[line["role"]] for since, rates_of in rates if since <= line["work_date"]][-1]
                    amount = (Decimal(line["hours"]) * price).quantize(CENT, rounding)
                else:
                    amount = (Decimal(line["hours"]) * costs[data["employee"]["id"]]).quantize(CENT, rounding)
                yield (data["legal_entity"], data["currency"], measure, f"{entity}/{subject}"), amount


def _last(entity: str, by_type: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Subject and content of each sheet or report that stands approved."""
    approved = {event["subject"]: event["data"] for event in by_type[f"{entity}.approved"]}
    corrected = {event["subject"]: event["data"] for event in by_type[f"{entity}.corrected"]}
    gone = {event["subject"] for event in by_type[f"{entity}.withdrawn"]}
    for subject, data in (approved | corrected).items():
        if subject not in gone:
            yield subject, data


def _contracts(
    by_type: Mapping[str, list[Mapping[str, Any]]],
) -> Iterator[tuple[str, list[tuple[str, dict[str, Decimal]]]]]:
    """Project -> (first day, role -> price), in the order of the versions of its contract."""
    changes: defaultdict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for event in by_type["contract.change_order_approved"]:
        changes[event["subject"]][event["data"]["version"]] = event["data"]
    for event in by_type["project.opportunity_won"]:
        data = event["data"]
        for part in data.get("parts", [data]):
            number = part["contract"]["reference"]
            rates = [("0000-00-00", _rates(part["billing"]))]
            for _, change in sorted(changes[number].items()):
                if change.get("rates"):
                    rates.append((change["effective_on"], _rates(change)))
            yield part.get("project_id") or event["subject"], rates


def _rates(of: Mapping[str, Any]) -> dict[str, Decimal]:
    return {rate["role"]: Decimal(rate["hourly"]["amount"]) for rate in of["rates"]}


def _milestones(by_type: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[tuple[tuple[str, str, str, str], Decimal]]:
    places = {
        part.get("project_id") or event["subject"]: (part["legal_entity"], part["currency"])
        for event in by_type["project.opportunity_won"]
        for part in event["data"].get("parts", [event["data"]])
    }
    for event in by_type["project.milestone_completed"]:
        project = event["subject"].removeprefix("psa-")
        place = (*places[project], "milestones billed", f"project/{project}")
        yield place, Decimal(event["data"]["amount"]["amount"])


def _invoices(by_type: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[tuple[tuple[str, str, str, str], Decimal]]:
    places: dict[str, tuple[str, str]] = {}
    for event in by_type["invoice.issued"]:
        data = event["data"]
        places[event["subject"]] = data["legal_entity"], data["currency"]
        assert sum(Decimal(line["amount"]) for line in data["lines"]) == Decimal(data["net"])
        for measure in ("invoiced, with tax", "open"):
            yield (*places[event["subject"]], measure, f"invoice/{event['subject']}"), Decimal(data["total"])
    for fact, measure in (
        ("payment_received", "paid"), ("credit_memo_issued", "credited"), ("written_off", "written off"),
    ):  # fmt: skip
        for event in by_type[f"invoice.{fact}"]:
            invoice, amount = event["subject"].removeprefix("I-"), Decimal(event["data"]["amount"]["amount"])
            yield (*places[invoice], measure, f"invoice/{invoice}"), amount
            yield (*places[invoice], "open", f"invoice/{invoice}"), -amount
