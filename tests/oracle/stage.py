"""Histories of a small firm on the runtime as it ships, and the raw rows that they leave for the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from actors.decision import Actor
from actors.registry import ACTORS
from actors.standing import reference_of
from adapters.ports.broker import Outgoing
from gateway.inner import InnerEvent
from gateway.policy_file import PolicyFile
from schemas.acts import Act, Acted
from schemas.billed import Billed
from schemas.commands import OURS
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.operations.milestone_bill import MilestoneBill
from schemas.project.entity import Project as ProjectState
from schemas.repair.v1 import Item, Repaired
from schemas.verdicts import LaneState
from tests.oracle.facts import BILLING, CURRENCIES, ROUNDING, Paper, Project
from tests.oracle.oracle import Asked, CaseRow, Message, Row
from tests.runtime.firm import CRM, PATH, POLICY, PSA, SYSTEM, Desk, Firm
from tests.runtime.town import until
from tests.runtime.vendor import Mood

OPERATIONS: Final = (
    "customer.put", "project.create", "contract.put", "billable.post", "billable.reverse", "expense.post",
    "expense.reverse", "cost.post", "cost.reverse", "milestone.bill", "invoice.post",
)  # fmt: skip
NOWHERE: Final = dict.fromkeys(("milestone.put", "invoice.put", "receivable.put"))
BILLS: Final = BillablePost | BillableReverse | ExpensePost | ExpenseReverse | MilestoneBill
HISTORY: Final = PolicyFile.model_validate(
    POLICY.model_dump(exclude={"sources", "systems", "legal_entities"})
    | {
        "legal_entities": {
            code: {
                "currency": currency,
                "rounding": ROUNDING[code],
                "tax_codes": {"standard": "T19"},
                "operations": NOWHERE,
            }
            for code, currency in CURRENCIES.items()
        },
        "systems": {**POLICY.systems, "erp": SYSTEM | {"operations": dict.fromkeys(OPERATIONS, PATH)}},
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*", "contract.*"]},
            PSA: {"users": ["guest"], "types": ["timesheet.*", "expense.*"]},
            BILLING: {"users": ["guest"], "types": ["invoice.*"]},
        },
    }
)
"""As the small firm's, with change orders, a second currency, and a billing engine whose invoices the ERP posts."""


class Stage:
    """One history: each step is played to its end before the next. `sent` is all that was published, in order."""

    def __init__(self, seed: int, actors: Mapping[str, Actor] = ACTORS, policy: PolicyFile = HISTORY) -> None:
        self.firm = Firm(seed, actors=actors, desk=Desk(policy))
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

    async def repaired(self, paper: Paper, *, is_lost: bool) -> None:
        """Somebody deletes or changes the first entry of a paper in the ERP, and an approved plan repairs it."""
        books = self.firm.books["erp"].entries
        state = self.firm.store.tables.row(paper.key).state
        held = None if state is None else self.firm.actors[paper.entity].state.model_validate_json(state)
        line = held.lines.get("L0") if isinstance(held, Billed) else None
        if line is None or not line.posted:
            return
        sort = "billable" if paper.entity == "timesheet" else "expense"
        place = (f"{sort}.post", line.reference)
        stands = books.pop(place)
        assert isinstance(stands, BillablePost | ExpensePost)
        fields: dict[str, Any] = {
            "number": 1, "sort": sort, "legal_entity": stands.legal_entity, "entity": paper.entity, "key": paper.id,
            "booking": line.name, "holds": line.reference, "books": True,
        }  # fmt: skip
        if not is_lost:
            books[place] = changed = stands.model_copy(update={"amount": stands.amount + 1})
            fields |= {"stands": changed, "reference": line.reference, "external_id": f"erp-{line.reference}"}
        await self._repair(paper.key, fields)

    async def billed_anew(self, project: Project, id: str) -> None:
        """Somebody deletes a milestone in the ERP, and an approved plan repairs it."""
        key = ActorKey("project", project.id)
        state = self.firm.store.tables.row(key).state
        held = None if state is None else ProjectState.model_validate_json(state).milestones.get(id)
        line = None if held is None else held.bill_line
        reference = None if held is None else reference_of(key, line, held.reference)
        if reference is None or self.firm.books["erp"].entries.pop(("milestone.bill", reference), None) is None:
            return
        await self._repair(
            key,
            {
                "number": 1, "sort": "milestone", "legal_entity": project.legal_entity, "entity": key.entity,
                "key": key.id, "booking": line, "holds": reference, "books": True,
            },
        )  # fmt: skip

    async def _repair(self, key: ActorKey, item: dict[str, Any]) -> None:
        """A plan of one item was approved, and is told."""
        self._decided += 1
        plan = f"17.{self._decided}"
        told = Repaired(
            to=key.id, plan=plan, system="erp", by="E-9", checked_at=_moment(self.firm.clock()),
            items=(Item.model_validate(item),),
        )  # fmt: skip
        inner = self.firm.gateways[0].runtime.inner
        await inner.deliver(InnerEvent(f"{OURS}:self", plan, f"{key.entity}.repaired.v1", key, told))
        await self.quiet()

    def journal(self) -> Mapping[str, Decimal]:
        """What stands in the ERP's own books to be billed, by currency."""
        amounts: dict[str, Decimal] = {}
        for body in self.firm.books["erp"].entries.values():
            if isinstance(body, BILLS):
                amounts[body.currency] = amounts.get(body.currency, Decimal(0)) + body.amount
        return {currency: amount for currency, amount in amounts.items() if amount}

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


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
