"""Histories of a small firm on the runtime as it ships, and the raw rows that they leave for the oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from adapters.ports.broker import Outgoing
from gateway.inner import InnerEvent
from gateway.policy_file import PolicyFile
from schemas.acts import Act, Acted
from schemas.commands import OURS
from schemas.contract.v1 import Approver as Authority
from schemas.contract.v1 import ChangeOrderApproved
from schemas.invoice.v1 import Bill, Disputed, Issued, PostingRejected
from schemas.invoice.v1 import Line as InvoiceLine
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.repair.v1 import Item, Repaired
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Withdrawn
from schemas.values import Money, Period, Reference
from schemas.verdicts import LaneState
from tests.actors.agreements import rates
from tests.actors.firm import approved, corrected, customer, deal, line, part
from tests.oracle.oracle import Asked, CaseRow, Message, Row
from tests.runtime.firm import CRM, PATH, POLICY, PSA, SYSTEM, Desk, Firm, event
from tests.runtime.town import until
from tests.runtime.vendor import Mood

BILLING: Final = "urn:example:billing"
DAYS: Final = (date(2026, 1, 30), date(2026, 2, 27), date(2026, 3, 2))
OPERATIONS: Final = (
    "customer.put", "project.create", "contract.put", "billable.post", "billable.reverse", "invoice.post",
)  # fmt: skip
HISTORY: Final = PolicyFile.model_validate(
    POLICY.model_dump(exclude={"sources", "systems", "legal_entities"})
    | {
        "legal_entities": {
            "DE01": {
                "currency": "EUR",
                "tax_codes": {"standard": "D19"},
                "operations": {"milestone.bill": None, "invoice.put": None, "receivable.put": None},
            }
        },
        "systems": {**POLICY.systems, "erp": SYSTEM | {"operations": dict.fromkeys(OPERATIONS, PATH)}},
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*", "contract.*"]},
            PSA: {"users": ["guest"], "types": ["timesheet.*"]},
            BILLING: {"users": ["guest"], "types": ["invoice.*"]},
        },
    }
)
"""As the small firm's, with change orders, and with a billing engine whose invoices the ERP posts."""


class Stage:
    """One history: each step is played to its end before the next. `sent` is all that was published, in order."""

    def __init__(self, seed: int) -> None:
        self.firm = Firm(seed, desk=Desk(HISTORY))
        self.sent: list[Outgoing] = []
        self.said: list[dict[str, Any]] = []
        """All that was published or decided by persons, in order, as JSON."""
        self._acts = self.firm.store.clients().acts
        self._decided = 0

    async def publish(self, news: Outgoing) -> None:
        """Publish, and wait until nothing moves any more."""
        self.sent.append(news)
        self.said.append(orjson.loads(news.body))
        await self.firm.publish(news)
        await self.quiet()

    async def quiet(self) -> None:
        """Until nothing moves any more but what waits or stands."""
        await until(self._is_quiet)

    async def retry_parked(self) -> None:
        """An operator lets every parked command run again."""
        for key in sorted({row.command.key for row in self.firm.store.tables.outbox.values() if row.is_parked}):
            await self._acts.retry(key, actor="op", reason="try again")
            self._look_at(key)
        await self.quiet()

    async def discard_parked(self) -> None:
        """An operator ends whatever message stands at the head of its lane, until none does."""
        while parked := self._parked():
            for key, head in parked:
                await self._acts.discard(key, head=head, actor="op", reason="sent by mistake")
                self._look_at(key)
            await self.quiet()

    async def approve_plans(self) -> None:
        """Finance approves each plan of other rates."""
        cases = [row for row in self.firm.store.tables.cases if row.is_open]
        for row in cases:
            topic, asks = row.opened.case.topic or "", row.opened.case.asks
            if topic.startswith("rerate:"):
                self._decided += 1
                acted = Acted(topic=topic, act=Act.APPROVE, by="E-9", roles=("finance",), reason="agreed", seen=asks)
                await self.firm.gateways[0].runtime.people.act(row.key, acted, id=f"act-{self._decided}")
                plan = {"type": "plan.approved.v1", "source": "us", "id": f"{self._decided}", "subject": row.key.id}
                self.said.append(plan)
                await self.quiet()

    async def refused(self, news: Outgoing) -> None:
        """Publish what the ERP refuses at first, and let it run again."""
        moods = self.firm.books["erp"].moods
        moods.append(Mood.REJECTS)
        await self.publish(news)
        moods.clear()
        await self.retry_parked()

    async def repaired(self, name: str, *, is_lost: bool) -> None:
        """Somebody deletes or changes the first entry of a sheet in the ERP, and an approved plan repairs it."""
        key, books = ActorKey("timesheet", name), self.firm.books["erp"].entries
        state = self.firm.store.tables.row(key).state
        lines = [] if state is None else [*Timesheet.model_validate_json(state).lines.values()]
        if not lines or not lines[0].posted:
            return
        reference, place = lines[0].reference, ("billable.post", lines[0].reference)
        stands = books.pop(place)
        assert isinstance(stands, BillablePost)
        fields: dict[str, Any] = {
            "number": 1, "sort": "billable", "legal_entity": "DE01", "entity": "timesheet", "key": name,
            "booking": lines[0].name, "holds": reference, "books": True,
        }  # fmt: skip
        if not is_lost:
            books[place] = changed = stands.model_copy(update={"amount": stands.amount + 1})
            fields |= {"stands": changed, "reference": reference, "external_id": f"erp-{reference}"}
        self._decided += 1
        plan = f"17.{self._decided}"
        told = Repaired(
            to=name, plan=plan, system="erp", by="E-9", checked_at=_moment(self.firm.clock()),
            items=(Item.model_validate(fields),),
        )  # fmt: skip
        inner = self.firm.gateways[0].runtime.inner
        await inner.deliver(InnerEvent(f"{OURS}:self", plan, "timesheet.repaired.v1", key, told))
        await self.quiet()

    def journal(self) -> Decimal:
        """What stands in the ERP's own books."""
        return self.firm.books["erp"].money()

    def rows(self) -> list[Row]:
        """The timeline as it stands in the store, raw."""
        return [self._row(place, line) for place, line in enumerate(self.firm.store.tables.timeline)]

    def cases(self) -> list[CaseRow]:
        """What happened to cases."""
        log = self.firm.store.tables.case_log
        return [CaseRow(each.at, each.what, each.failure_class, each.opened_at) for each in log]

    def _look_at(self, key: ActorKey) -> None:
        for gateway in self.firm.gateways:
            gateway.runtime.look_at(key)

    def _parked(self) -> list[tuple[ActorKey, UUID]]:
        """Keys whose head stands, and that head."""
        tables = self.firm.store.tables
        keys = [key for key, refs in tables.lanes.items() if refs]
        heads = [(key, tables.lane(key)[0]) for key in sorted(keys)]
        return [(key, head.message.ref) for key, head in heads if tables.row(key).lane.state is LaneState.PARKED]

    def _is_quiet(self) -> bool:
        tables = self.firm.store.tables
        lanes = (tables.row(key).lane for key, refs in tables.lanes.items() if refs)
        stands = all(lane.state in (LaneState.WAITING, LaneState.PARKED) for lane in lanes)
        parked = all(lane[min(lane)].is_parked for lane in tables.send_lanes.values() if lane)
        return not self.firm.depth() and not tables.wakes and stands and parked

    def _row(self, place: int, line: Any) -> Row:
        tables = self.firm.store.tables
        message = command = None
        if line.ref is not None:
            found = tables.inbox[line.ref]
            body = orjson.loads(found.message.body)
            name = found.message.type.rpartition(".")[0]
            message = Message(found.message.source, found.message.id, name, body["data"], _moment(found.at))
        log = [] if line.command_id is None else tables.attempts.get(line.command_id, [])
        if log:
            sent = log[-1].command
            assert sent is not None
            is_there = any(each.attempt.ending == "confirmed" for each in log)
            command = Asked(sent.operation, sent.line, log[-1].place[0], orjson.loads(sent.body), is_there)
        key = line.key
        return Row(place, _moment(line.at), key.entity, key.id, line.entity_version, line.what, message, command)


def new_customer() -> Outgoing:
    """The one customer."""
    return event(CRM, "customer", ActorKey("customer", "C-1"), customer())


def won(project: str) -> Outgoing:
    """A deal."""
    data = deal(part(consultant="125.50", contract=f"SOW-{project}", value="9000.00")).model_copy(
        update={"customer": Reference(id="C-1"), "opportunity_id": project}
    )
    return event(CRM, f"won-{project}", ActorKey("engagement", project), data)


def sheet(
    id: str, project: str, revision: int, hours: tuple[str, ...], *, tag: str = "", correct: bool = False
) -> Outgoing:
    """A revision of a sheet with a line for each day, approved or corrected."""
    lines = [line(f"L{n}", each, day=DAYS[n]) for n, each in enumerate(hours)]
    data = (
        corrected(*lines, corrects=revision - 1, project=Reference(id=project))
        if correct
        else approved(*lines, revision=revision, project=Reference(id=project))
    ).model_copy(update={"period": Period(starts_on=DAYS[0], ends_on=DAYS[-1])})
    return event(PSA, f"{id}-r{revision}{tag}", ActorKey("timesheet", id), data)


def withdrawn(id: str, project: str, revision: int) -> Outgoing:
    """The approval is taken back."""
    data = Withdrawn(legal_entity="DE01", project=Reference(id=project), revision=revision, reason="not yet")
    return event(PSA, f"{id}-w{revision}", ActorKey("timesheet", id), data)


def order(project: str, version: int, rate: str, on: date) -> Outgoing:
    """A change order with another rate from a day on."""
    data = ChangeOrderApproved(
        version=version, effective_on=on, value_change=Money(amount="10.00", currency="EUR"), rates=rates(rate),
        approved_by=Authority(id="F-1", role="finance_director"), reason="longer",
    )  # fmt: skip
    return event(CRM, f"{project}-v{version}", ActorKey("contract", f"SOW-{project}"), data)


def issued(id: str, project: str, sheet_id: str) -> Outgoing:
    """An invoice that bills the first line of a sheet."""
    bill = Bill(entity="timesheet", id=sheet_id, line_id="L0")
    lines = (InvoiceLine(line_id="1", kind="time", amount=Decimal("100.00"), tax_code="D19", bills=(bill,)),)
    data = Issued(
        legal_entity="DE01", customer=Reference(id="C-1"), contract=Reference(id=f"SOW-{project}"),
        project=Reference(id=project), number=id, issued_on=DAYS[2], due_on=date(2026, 4, 1), currency="EUR",
        net=Decimal("100.00"), tax=Decimal("19.00"), total=Decimal("119.00"), lines=lines,
    )  # fmt: skip
    return event(BILLING, f"{id}-issued", ActorKey("invoice", id), data)


def disputed(id: str, number: int) -> Outgoing:
    """The customer objects."""
    objection = Disputed(dispute_id=f"D{number}", reason="too much")
    return event(BILLING, f"{id}-d{number}", ActorKey("invoice", id), objection)


def rejected(id: str) -> Outgoing:
    """The ERP has not posted it after all."""
    return event(BILLING, f"{id}-rejected", ActorKey("invoice", id), PostingRejected(code="closed", reason="closed"))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
