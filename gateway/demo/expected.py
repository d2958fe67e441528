"""What must come of a play: the books, what is set up once, the verdicts, and the differences that were planned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from gateway.demo.firm.founding import sister_of
from gateway.demo.firm.model import BRANCHES, Arrival, Client, Credit, Fate, Firm, Sheet
from gateway.demo.firm.truth import Truth, truth_of
from gateway.demo.firm.worth import billed
from gateway.demo.telling.play import Play
from gateway.demo.telling.sending import Planted, Sending

MessageId = tuple[str, str]
"""(source, id)."""

FINAL: Final = frozenset({"applied", "ignored", "stale"})
"""Verdicts of messages that are done with; which of them depends on what came first."""
WAITING: Final = frozenset({"waiting", "queued"})


class SetUp(NamedTuple):
    """Something that a system must have exactly once; of a customer at least once, since its record may change."""

    system: str
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class Named:
    """A difference that was planned: what stands open, why, how many messages, and how much money is behind it."""

    what: str
    why: str
    messages: int = 1
    money: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """`verdicts`: of each message that gets a row in the inbox, those that it may have.

    A conflict's row is listed under `conflicts`. `asked`: cases that people settle, by code; of those whose number
    depends on what came first, none is named. `refused`: (system, key) of each sheet that its ERP refuses.
    """

    truth: Truth
    erps: Mapping[str, str]
    set_up: Mapping[SetUp, int]
    customers: frozenset[tuple[str, str, str]]
    """(system, key, legal entity) of each customer in each ERP."""
    verdicts: Mapping[MessageId, frozenset[str]]
    conflicts: Sequence[Sending]
    dead_letters: Sequence[Sending]
    duplicates: int
    parked_commands: int
    differences: Sequence[Named]
    asked: Mapping[str, int]
    refused: Sequence[tuple[str, str]] = ()

    @property
    def messages(self) -> int:
        """Messages that must be accounted for: every one that was published, repetitions aside."""
        return len(self.verdicts) + len(self.conflicts) + len(self.dead_letters)


def expect(play: Play) -> Expected:
    """The outcome of a play, whatever the speed of anything."""
    firm, sendings = play.firm, play.sendings
    conflicts = [each for each in sendings if each.planted is Planted.CONFLICT]
    dead = [each for each in sendings if each.planted is not None and each.planted.is_dead_letter]
    verdicts = dict(_verdicts(firm, sendings))
    refused = [sheet for sheet in firm.sheets if sheet.fate is Fate.CLOSED_PERIOD]
    differences = [
        *_blocked(firm, verdicts),
        *(_refused(sheet) for sheet in refused),
        *(Named(f"{each.source} {each.id}", f"conflict: {each.planted}") for each in conflicts),
        *(Named(f"{each.source} {each.id}", f"dead letter: {each.planted}") for each in dead),
    ]
    return Expected(
        truth=truth_of(firm, play.invoices),
        erps={branch.code: branch.erp for branch in BRANCHES},
        set_up=Counter(_set_up(firm)),
        customers=frozenset(_customers(firm)),
        verdicts=verdicts,
        conflicts=conflicts,
        dead_letters=dead,
        duplicates=sum(each.planted is Planted.DUPLICATE for each in sendings),
        parked_commands=len(refused),
        differences=differences,
        asked=_asked(firm),
        refused=[(sheet.project.branch.erp, f"timesheet/{sheet.id}") for sheet in refused],
    )


def _verdicts(firm: Firm, sendings: Sequence[Sending]) -> Iterator[tuple[MessageId, frozenset[str]]]:
    """Approved time of a project that is never set up waits; everything else is done with."""
    waiting = {sheet.id for sheet in firm.sheets if sheet.project.is_blocked}
    for each in sendings:
        if each.planted is None:
            waits = each.routing_key == "timesheet.approved" and each.subject in waiting
            yield (each.source, each.id), WAITING if waits else FINAL


def _blocked(firm: Firm, verdicts: Mapping[MessageId, frozenset[str]]) -> Iterator[Named]:
    waiting = sum(allowed is WAITING for allowed in verdicts.values())
    for project in firm.projects:
        if project.is_blocked:
            sheets = [sheet for sheet in firm.sheets if sheet.project is project]
            why = f"customer {project.client.id} is on credit hold"
            yield Named(f"engagement/{project.id}", why, waiting, _money(sheets))


def _refused(sheet: Sheet) -> Named:
    return Named(f"timesheet/{sheet.id}", "its ERP refuses the line: the month is closed", 0, _money([sheet]))


def _money(sheets: Sequence[Sheet]) -> dict[str, Decimal]:
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sheet in sheets:
        for line in sheet.counting:
            if line.is_billable:
                money[sheet.project.branch.currency] += billed(sheet.project, line)
    return dict(money)


def _set_up(firm: Firm) -> Iterator[SetUp]:
    for deal in firm.deals:
        for project in deal.projects:
            if not project.is_blocked:
                key = f"engagement/{deal.id}"
                yield SetUp(project.branch.erp, "project.create", key)
                yield SetUp("psa", "project.put", key)
                yield SetUp("crm", "workspace.create", key)
                yield SetUp("crm", "project.link", key)


def _customers(firm: Firm) -> Iterator[tuple[str, str, str]]:
    clients: list[Client] = [*firm.clients, sister_of(firm.clients[4])]
    for client in clients:
        for branch in client.branches:
            yield branch.erp, f"customer/{client.id}", branch.code


def _asked(firm: Firm) -> dict[str, int]:
    """What people are asked whatever came first; other rates of posted time are asked only where it was posted."""
    changes = [change for project in firm.projects for change in project.changes]
    return {
        "approval_needed": sum(deal.discount is not None for deal in firm.deals),
        "authority_missing": sum(change.arrival is Arrival.WITHOUT_AUTHORITY for change in changes),
        "probable_duplicate": 1,
        "tax_profile_missing": sum(deal.client.credit is Credit.UNTAXED for deal in firm.deals),
    }
