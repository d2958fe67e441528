"""What must be billed, said again from the published events, in the words of the rules. It imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Final

Json = Mapping[str, Any]
"""`Any`, because each type has its own shape, and no model of ours is to be trusted."""

_CENT: Final = Decimal("0.01")
_RULES: Final = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}


@dataclass(frozen=True, slots=True)
class Booking:
    """A line as it is booked: what it says, its day, and what that comes to; nothing where nobody is billed for it."""

    says: tuple[object, ...]
    day: str
    hours: Decimal | None
    currency: str
    amount: Decimal


class Firm:
    """Follows published events one after the other, in the words of the rules: what stands billed of each thing.

    A sheet or report waits for its project; a line that says the same as before stays as it is booked, whatever rates
    hold. `rounding`: by legal entity.
    """

    def __init__(self, rounding: Mapping[str, str]) -> None:
        self._rounding = rounding
        self._seen: set[tuple[str, str]] = set()
        self._customers: set[str] = set()
        self._deals: dict[str, Json] = {}
        self._changes: dict[str, list[tuple[str, Decimal]]] = {}
        self._waiting: list[Json] = []
        self._revision: dict[str, int] = {}
        self._withdrawn: dict[str, int] = {}
        self._project: dict[str, str] = {}
        self._booked: dict[str, dict[str, Booking]] = {}
        self._milestones: dict[tuple[str, str], Json] = {}

    def hear(self, event: Json) -> None:
        """An event that its source has published; a second time it says nothing."""
        if (event["source"], event["id"]) in self._seen:
            return
        self._seen.add((event["source"], event["id"]))
        name = event["type"].rpartition(".")[0]
        if name == "customer.upserted":
            self._customers.add(event["subject"])
        elif name == "project.opportunity_won":
            self._deals.setdefault(event["subject"], event["data"])
        elif name == "project.milestone_completed":
            self._complete(event["subject"], event["data"])
        elif name == "contract.change_order_approved":
            change = (event["data"]["effective_on"], _price(event["data"]["rates"]))
            self._changes.setdefault(event["subject"], []).append(change)
        elif name == "plan.approved":
            self._rerate(event["subject"])
        elif name.startswith(("timesheet.", "expense.")):
            self._waiting.append(event)
        self._go_on()

    def totals(self) -> Mapping[str, Decimal]:
        """What is billed in the end, by currency."""
        amounts: dict[str, Decimal] = {}
        for line in (line for lines in self._booked.values() for line in lines.values()):
            amounts[line.currency] = amounts.get(line.currency, Decimal(0)) + line.amount
        for (project, _), told in self._milestones.items():
            if self._is_there(project) and told["currency"] == self._part(project)["currency"]:
                amounts[told["currency"]] = amounts.get(told["currency"], Decimal(0)) + Decimal(told["amount"])
        return {currency: amount for currency, amount in amounts.items() if amount}

    def _complete(self, project: str, data: Json) -> None:
        """The first amount that is told of a milestone counts, for ever."""
        if data.get("amount") is not None:
            self._milestones.setdefault((project, data["milestone_id"]), data["amount"])

    def _go_on(self) -> None:
        """Whatever has all that it needs; what waits keeps its place, and what follows of its paper stands behind."""
        stuck: set[str] = set()
        left: list[Json] = []
        for event in self._waiting:
            if event["subject"] in stuck or not self._is_there(event["data"]["project"]["id"]):
                stuck.add(event["subject"])
                left.append(event)
            else:
                self._paper(event["subject"], event["type"].split(".")[1], event["data"])
        self._waiting = left

    def _is_there(self, project: str) -> bool:
        return project in self._deals and self._deals[project]["customer"]["id"] in self._customers

    def _part(self, project: str) -> Json:
        """What was sold; one part for each project here."""
        [part] = self._deals[project]["parts"]
        found: Json = part
        return found

    def _paper(self, key: str, fact: str, data: Json) -> None:
        at, gone = self._revision.get(key, 0), self._withdrawn.get(key, 0)
        if fact == "withdrawn":
            if data["revision"] >= at and data["revision"] > gone:
                self._withdrawn[key], self._booked[key] = data["revision"], {}
            return
        if fact == "corrected" and (data["corrects"] != at or at <= gone):
            return  # what was never approved, or is not any more, cannot be corrected
        revision = data["revision"] if fact == "approved" else data["corrects"] + 1
        is_repeated = fact == "approved" and revision == at
        if (revision <= at and not is_repeated) or revision <= gone:
            return
        project, before = data["project"]["id"], self._booked.get(key, {})
        if _currencies(data) != {self._part(project)["currency"]}:
            return  # nothing is converted: a case, which changes nothing
        now = {line["line_id"]: self._booking(data, line, before.get(line["line_id"])) for line in data["lines"]}
        if is_repeated and any(now.get(line_id) != line for line_id, line in before.items()):
            return  # other content under the same revision is a case, which changes nothing
        self._revision[key], self._project[key], self._booked[key] = revision, project, now

    def _rerate(self, key: str) -> None:
        """Finance has approved that a sheet is booked at the rates that hold by now."""
        self._booked[key] = {
            line_id: line if line.hours is None else self._time(self._project[key], line.says, line.day, line.hours)
            for line_id, line in self._booked[key].items()
        }

    def _booking(self, data: Json, line: Json, before: Booking | None) -> Booking:
        """A line as it is booked from now on."""
        measure = line["hours"] if "hours" in line else line["amount"]
        day = line.get("work_date") or line["incurred_on"]
        says = (data["currency"], measure, day, line["billable"])
        if before is not None and before.says == says:
            return before
        if not line["billable"]:
            return Booking(says, day, None, data["currency"], Decimal(0))
        if "hours" in line:
            return self._time(data["project"]["id"], says, day, Decimal(measure))
        return Booking(says, day, None, data["currency"], Decimal(measure))

    def _time(self, project: str, says: tuple[object, ...], day: str, hours: Decimal) -> Booking:
        """At the rate of its day as it is now, rounded once by the rule of who bills it."""
        part = self._part(project)
        amount = (hours * self._rate(project, day)).quantize(_CENT, _RULES[self._rounding[part["legal_entity"]]])
        return Booking(says, day, hours, part["currency"], amount)

    def _rate(self, project: str, day: str) -> Decimal:
        """That of the latest change that is effective by then, else that of the deal."""
        rate = _price(self._part(project)["billing"]["rates"])
        for effective_on, changed in self._changes.get(f"SOW-{project}", []):
            if effective_on <= day:
                rate = changed
        return rate


def _price(rates: Sequence[Json]) -> Decimal:
    [rate] = rates
    return Decimal(rate["hourly"]["amount"])


def _currencies(data: Json) -> set[str]:
    """Those of a sheet, or of a report and of what was spent."""
    amounts = [line.get("amount") for line in data["lines"]]
    return {data["currency"], *(each["currency"] for each in amounts if isinstance(each, dict))}
