"""The rules of the firm in the oracle's own words: which events lead to which effects, and which to none.

It looks at entity after entity, each with all its events, and never at when they came: the day is made so that only
the order within a key matters.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Final

from gateway.demo.effects import Effect
from gateway.demo.sending import Sending

MessageId = tuple[str, str]
"""(source, id)."""

_CENT: Final = Decimal("0.01")
"""The smallest unit of every currency of the demo."""
_ROUNDING: Final = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the oracle is told: how each legal entity rounds, and from which day on the ERP takes work."""

    rounding: Mapping[str, str]
    closed_until: date


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as published. `Any`, because each type has its own shape, and no model of ours is to be trusted."""

    id: MessageId
    type: str
    subject: str
    data: Mapping[str, Any]


def read_fact(sending: Sending) -> Fact:
    """The event of a message."""
    event = json.loads(sending.event)
    return Fact((event["source"], event["id"]), event["type"].rpartition(".")[0], event["subject"], event["data"])


@dataclass(frozen=True, slots=True)
class _Booking:
    """A line as the ERP was asked to book it. `terms`: everything that, when it changes, asks for a new booking.

    `amount` is None where nobody is billed: it is cost by the hour.
    """

    terms: tuple[object, ...]
    amount: Decimal | None
    is_refused: bool

    @property
    def kind(self) -> str:
        """What kind of entry it is."""
        return "cost" if self.amount is None else "billable"


class Oracle:
    """Goes through the facts once.

    `roots`: what does not move by itself, and why. `behind` and `blocked`: how many messages stand because of it, and
    the money in them per currency.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.effects: list[Effect] = []
        self.verdicts: dict[MessageId, str] = {}
        self.roots: dict[str, str] = {}
        self.behind: Counter[str] = Counter()
        self.blocked: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self.refused = 0
        self.asked: Counter[str] = Counter()
        """What people are asked, and answer, by the code of the case."""
        self._stuck: dict[str, str] = {}
        """Key whose first undecided event does not move -> the root of it."""
        self._clients: dict[str, Mapping[str, Any]] = {}
        self._held: set[str] = set()
        self._deals: dict[str, Mapping[str, Any]] = {}
        self._projects: set[str] = set()
        self._revisions: Counter[str] = Counter()
        self._booked: defaultdict[str, dict[str, _Booking]] = defaultdict(dict)

    def judge(self, facts: Sequence[Fact]) -> None:
        """Customers first, then their deals, what the PSA says of projects, and time: each rests on those before."""
        for name, rule in (
            ("customer.", self._customer),
            ("project.opportunity_won", self._deal),
            ("project.", self._progress),
            ("timesheet.", self._sheet),
        ):
            for fact in facts:
                if fact.type.startswith(name) and fact.id not in self.verdicts:
                    self.verdicts[fact.id] = rule(fact)

    def _customer(self, fact: Fact) -> str:
        key = f"customer/{fact.subject}"
        if fact.type == "customer.credit_changed":
            (self._held.add if fact.data["on_hold"] else self._held.discard)(fact.subject)
        else:
            if any(fact.data.get("domain", "") == each.get("domain") for each in self._others(fact.subject)):
                self.asked["probable_duplicate"] += 1  # told apart in the evening, so that it goes on
            self._clients[fact.subject] = fact.data
        if "tax_profile" not in self._clients.get(fact.subject, {"tax_profile": None}):
            self.roots[key] = "in no ERP: the CRM sent it without a tax profile"
            return "applied"
        for code in self._clients.get(fact.subject, {}).get("legal_entities", ()):
            self.effects.append(Effect("erp", "customer.put", key, code, None))
        return "applied"

    def _others(self, client: str) -> list[Mapping[str, Any]]:
        return [data for id, data in self._clients.items() if id != client]

    def _deal(self, fact: Fact) -> str:
        key, client = f"engagement/{fact.subject}", fact.data["customer"]["id"]
        if fact.subject in self._deals:
            return "ignored"
        self._deals[fact.subject] = fact.data
        missing = self._missing(client)
        if missing is not None:
            self.roots[key] = f"blocked: {missing}"
            self._stuck[f"project/{fact.subject}"] = key
            return "applied"
        self._projects.add(fact.subject)
        if "discount" in fact.data:
            self.asked["approval_needed"] += 1  # the only deal with one is large, too; it is approved in the evening
        part = fact.data["parts"][0] if "parts" in fact.data else fact.data
        code, currency = part["legal_entity"], part["currency"]
        self.effects += (
            Effect("erp", "project.create", key, code, currency),
            Effect("psa", "project.put", key, code, currency),
            Effect("erp", "contract.put", key, code, currency),
            Effect("crm", "workspace.create", key, code, None),
            Effect("crm", "project.link", key, None, None),
        )
        return "applied"

    def _missing(self, client: str) -> str | None:
        """Why a deal with this customer is not set up."""
        if f"customer/{client}" in self.roots:
            return f"customer {client} has no tax profile"
        return f"customer {client} is on credit hold" if client in self._held else None

    def _progress(self, fact: Fact) -> str:
        """The PSA names a project by its own id, which means nothing until the project is there."""
        project = _project_of(fact.subject)
        if project in self._projects:
            if fact.type == "project.milestone_completed":
                self.effects += self._billed(fact, f"project/{project}", self._deals[project])
            return "applied"
        key = f"external/{fact.subject}"
        if key in self._stuck:
            return self._queued(key)
        return self._stands(key, self._stuck[f"project/{project}"], "waiting")

    def _billed(self, fact: Fact, key: str, deal: Mapping[str, Any]) -> tuple[Effect, ...]:
        """A milestone is shown, and billed where it has an amount."""
        shown = Effect("crm", "milestone.put", key, None, None)
        if "amount" not in fact.data:
            return (shown,)
        part = deal["parts"][0] if "parts" in deal else deal
        amount = Decimal(fact.data["amount"]["amount"])
        return shown, Effect("erp", "milestone.bill", key, part["legal_entity"], part["currency"], amount)

    def _sheet(self, fact: Fact) -> str:
        key, revision = f"timesheet/{fact.subject}", self._revisions[fact.subject]
        if key in self._stuck:
            if fact.type == "timesheet.approved":
                self._block(fact, self._stuck[key])
            return self._queued(key)
        match fact.type:
            case "timesheet.submitted" | "timesheet.rejected":
                return "ignored" if revision else "applied"
            case "timesheet.approved":
                wanted = int(fact.data["revision"])
            case _:
                wanted = int(fact.data["corrects"]) + 1
        if wanted <= revision:
            return "ignored"
        project = _project_of(fact.data["project"]["external_id"])
        if project not in self._projects:
            root = self._stuck[f"project/{project}"]
            self._block(fact, root)
            return self._stands(key, root, "waiting")
        self._revisions[fact.subject] = wanted
        self._bill(fact, key, self._deals[project])
        return "applied"

    def _bill(self, fact: Fact, key: str, deal: Mapping[str, Any]) -> None:
        """Take back each booking that is not wanted as it stands; then book what is wanted and not booked."""
        booked = self._booked[fact.subject]
        wanted = self._bookings(fact, deal)
        for line_id in [line_id for line_id, booking in booked.items() if wanted.get(line_id) != booking]:
            self._book("reverse", key, deal, booked.pop(line_id))
        for line_id, booking in wanted.items():
            if line_id in booked:
                continue
            booked[line_id] = booking
            if booking.is_refused:
                self.refused += 1
                self.roots[key] = f"the ERP refuses line {line_id}: its month is closed"
                self.blocked[key][deal["currency"]] += booking.amount or 0
            else:
                self._book("post", key, deal, booking)

    def _bookings(self, fact: Fact, deal: Mapping[str, Any]) -> dict[str, _Booking]:
        prices = {rate["role"]: Decimal(rate["hourly"]["amount"]) for rate in deal["billing"]["rates"]}
        rule = _ROUNDING[self._terms.rounding[deal["legal_entity"]]]
        bookings: dict[str, _Booking] = {}
        for line in fact.data["lines"]:
            amount = (Decimal(line["hours"]) * prices[line["role"]]).quantize(_CENT, rule)
            terms = (Decimal(line["hours"]), line["role"], line["work_date"], *fact.data["employee"].values())
            is_refused = date.fromisoformat(line["work_date"]) < self._terms.closed_until
            bookings[line["line_id"]] = _Booking(terms, amount if line["billable"] else None, is_refused)
        return bookings

    def _book(self, act: str, key: str, deal: Mapping[str, Any], booking: _Booking) -> None:
        """An hour's cost is said of nobody here, so cost has neither amount nor currency."""
        amount, currency = booking.amount, None if booking.amount is None else deal["currency"]
        signed = amount if amount is None or act == "post" else -amount
        self.effects.append(Effect("erp", f"{booking.kind}.{act}", key, deal["legal_entity"], currency, signed))

    def _block(self, fact: Fact, root: str) -> None:
        """Count what the sheet would have brought."""
        deal = self._deals[_project_of(fact.data["project"]["external_id"])]
        for booking in self._bookings(fact, deal).values():
            self.blocked[root][deal["currency"]] += booking.amount or 0

    def _stands(self, key: str, root: str, verdict: str) -> str:
        self._stuck[key] = root
        self.behind[root] += 1
        return verdict

    def _queued(self, key: str) -> str:
        self.behind[self._stuck[key]] += 1
        return "queued"


def _project_of(psa_id: str) -> str:
    """The sandbox PSA makes its id of ours."""
    return psa_id.removeprefix("psa-")
