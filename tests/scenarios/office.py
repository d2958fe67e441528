"""The firm of a scenario: the runtime as it ships, in virtual time, with policy, sources, systems, and people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final, Protocol, TypeVar

import yaml
from pydantic import BaseModel

from adapters.memory.rows import CaseRow
from gateway.case_classes import owner_of
from gateway.people import ActedUpon
from gateway.policy_file import PolicyFile, parse_policy
from schemas.acts import Act, Acted
from schemas.keys import ActorKey
from schemas.operations.invoice import InvoicePut, ReceivablePut
from schemas.operations.table import OPERATIONS, Body
from schemas.record import Record
from schemas.verdicts import LaneState
from tests.runtime.firm import CRM, PATH, PSA, SYSTEM, Desk, Firm, event
from tests.runtime.town import until
from tests.scenarios.ledger import Answer, Ledger

FINANCE: Final = "urn:example:finance"
BILLING: Final = "urn:example:billing"
ERP: Final = "urn:example:erp"
BANK: Final = "urn:example:bank"
SYSTEMS: Final = {
    "erp": (
        "customer.",
        "project.create",
        "project.cancel",
        "contract.",
        "billable.",
        "expense.",
        "cost.",
        "invoice.post",
        "milestone.bill",
    ),
    "psa": ("project.put", "project.withdraw", "receivable."),
    "crm": ("project.link", "invoice.put", "milestone.put"),
    "docs": ("workspace.",),
}
"""System -> how the operations begin that it takes."""
PROCESSES: Final = 2
CALM_SECONDS: Final = 10
"""The firm is at rest once nothing has changed for so long; all that goes on by itself goes on sooner."""
MOST_SECONDS: Final = 600

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
B = TypeVar("B", bound=Body)


class Run(Protocol):
    """Runs a story on the loop of the scenario."""

    def __call__(self, story: Coroutine[Any, Any, T], /) -> T: ...


class Office:
    """Everything of one scenario. What somebody does returns when the firm is at rest again."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._firm: Firm | None = None
        self._sent = 0
        self._policy: dict[str, Any] = {
            "legal_entities": {},
            "service_lines": {},
            "approvals": {},
            "sources": {
                CRM: {"users": ["guest"], "types": ["customer.*", "project.*", "contract.*"]},
                PSA: {"users": ["guest"], "types": ["timesheet.*", "expense.*"]},
                FINANCE: {"users": ["guest"], "types": ["customer.credit_changed"]},
                BILLING: {"users": ["guest"], "types": ["invoice.issued"]},
                ERP: {"users": ["guest"], "types": ["invoice.*"], "system": "erp", "external": ["invoice"]},
                BANK: {"users": ["guest"], "types": ["invoice.payment_received"]},
            },
            "systems": {name: SYSTEM | {"operations": _operations(begins)} for name, begins in SYSTEMS.items()},
        }
        self.answers: list[Answer] = []
        """What all systems were asked for, in the order in which they answered."""
        self.systems = {name: Ledger(name, Random(name), answers=self.answers) for name in SYSTEMS}

    def decree(self, part: str, name: str, entry: dict[str, Any]) -> None:
        """Change an entry of the policy file; a firm that works already reloads it."""
        self._policy[part].setdefault(name, {}).update(entry)
        self._reload()

    def equip(self, system: str, operation: str, entry: dict[str, Any]) -> None:
        """Let a system offer more of an operation, before the firm begins to work."""
        operations = self._policy["systems"][system]["operations"]
        operations[operation] = operations[operation] | entry

    def be_patient(self, seconds: float) -> None:
        """Let messages wait for so long before a person is asked."""
        self._policy["wait_seconds"] = seconds
        self._reload()

    def let_pass(self, seconds: float) -> None:
        """Nobody does anything for a while."""
        self._run(asyncio.sleep(seconds))

    def say(self, source: str, *facts: tuple[ActorKey, Record]) -> None:
        """A source publishes facts, one right after the other."""
        firm = self._open()
        self._run(self._publish(firm, source, facts))
        self._run(self._rest(firm))

    def begin(self, source: str, fact: tuple[ActorKey, Record], is_begun: Callable[[], bool]) -> None:
        """A source publishes a fact; returns once something has begun, and not only when the firm is at rest."""
        firm = self._open()
        self._run(self._publish(firm, source, (fact,)))
        self._run(until(is_begun))

    def act(self, act: Act, person: str, role: str, changes: dict[str, Any] | None = None) -> ActedUpon:
        """A person acts on the only case that lets a person do so; what they are answered."""
        firm = self._open()
        found = [row for row in self.cases() if act in row.opened.case.acts]
        assert len(found) == 1, f"{len(found)} cases let a person {act}, of {[row.opened.case for row in self.cases()]}"
        row, case = found[0], found[0].opened.case
        assert case.topic is not None
        self._sent += 1
        acted = Acted(
            topic=case.topic, act=act, by=person, roles=(role,), reason="has looked at it", changes=changes,
            seen=case.asks,
        )  # fmt: skip
        told = self._run(firm.gateways[0].runtime.people.act(row.key, acted, id=f"act-{self._sent}"))
        self._run(self._rest(firm))
        return told

    def retry(self, key: ActorKey) -> None:
        """A person has what stands still of a key run again."""
        firm = self._open()
        self._run(firm.store.clients().acts.retry(key, actor="E-5", reason="has mended it"))
        self._run(self._rest(firm))

    def cases(self, *, settled: bool = False) -> list[CaseRow]:
        """The cases that stand open, and those that are settled where asked for."""
        return [row for row in self._open().store.tables.cases if row.is_open or settled]

    def asked(self, key: ActorKey, topic: str | None = None) -> list[tuple[str, str]]:
        """Who is asked about a key, or one topic of it, and why: the role, and the code of the cause."""
        cases = [row.opened.case for row in self.cases() if row.key == key and topic in {None, row.opened.case.topic}]
        return [(owner_of(case.owner, case.failure.failure_class), case.failure.code) for case in cases]

    def reasons(self) -> list[str]:
        """What the open cases say, for people."""
        return [row.opened.case.failure.reason for row in self.cases()]

    def currency(self, code: str) -> str:
        """The currency of a legal entity; euros where the policy does not know it."""
        return str(self._policy["legal_entities"].get(code, {}).get("currency", "EUR"))

    def state(self, key: ActorKey, kept_as: type[M]) -> M:
        """What the gateway keeps of a key; empty where it keeps nothing."""
        state = self._open().store.tables.row(key).state
        return kept_as() if state is None else kept_as.model_validate_json(state)

    def taken(self, system: str, kind: type[B]) -> list[B]:
        """What a system has done of one kind, in its order."""
        bodies = (each.body for each in self.answers if each.system == system and each.is_taken)
        return [body for body in bodies if isinstance(body, kind)]

    def shown(self, invoice: str) -> list[InvoicePut | ReceivablePut]:
        """How CRM and PSA were last asked to show an invoice."""
        on_account = [put for put in self.taken("crm", InvoicePut) if put.invoice_id == invoice]
        on_project = [put for put in self.taken("psa", ReceivablePut) if put.invoice_id == invoice]
        return [on_account[-1], on_project[-1]]

    def erp_key(self, invoice: str) -> ActorKey:
        """Under which the ERP speaks of an invoice: its own id, which is ours where it bills by itself."""
        is_theirs = bool(self._policy["sources"][ERP]["external"])
        return ActorKey("invoice", f"erp-{invoice}" if is_theirs else invoice)

    def close(self) -> None:
        """The gateway still works as it should, and leaves in good order."""
        if self._firm is not None:
            self._firm.check_alive()
            for gateway in self._firm.gateways:
                assert self._run(gateway.runtime.drain(30))

    def _reload(self) -> None:
        if self._firm is not None:
            self._firm.desk.file = self._file()
            policies = self._firm.gateways[0].runtime.policies
            self._run(policies.reload(actor="E-1", reason="the firm has changed"))
            self._run(self._rest(self._firm))

    def _open(self) -> Firm:
        if self._firm is None:
            self._firm = self._run(self._start())
        return self._firm

    async def _start(self) -> Firm:
        firm = Firm(desk=Desk(self._file()))
        firm.books.update(self.systems)
        await firm.open(PROCESSES)
        return firm

    def _file(self) -> PolicyFile:
        return parse_policy(yaml.safe_dump(self._policy), "policy.yaml")

    async def _publish(self, firm: Firm, source: str, facts: tuple[tuple[ActorKey, Record], ...]) -> None:
        for key, data in facts:
            self._sent += 1
            await firm.publish(event(source, f"fact-{self._sent}", key, data))

    async def _rest(self, firm: Firm) -> None:
        """Until nothing is on its way, and nothing has happened for a while."""
        tables, calm, before = firm.store.tables, 0, (-1, -1)
        for _ in range(MOST_SECONDS):
            now = len(tables.timeline), len(self.answers)
            is_idle = not firm.depth() and _nothing_is_sent(firm) and all(_stands(firm, key) for key in tables.lanes)
            calm = calm + 1 if is_idle and now == before else 0
            if calm == CALM_SECONDS:
                return
            before = now
            await asyncio.sleep(1)
        raise AssertionError(f"the firm does not come to rest within {MOST_SECONDS} s of its time")


def _stands(firm: Firm, key: ActorKey) -> bool:
    """Whether a lane is empty, or goes on only once somebody does something."""
    lane = firm.store.tables.row(key).lane
    return not lane.depth or lane.state in {LaneState.PARKED, LaneState.WAITING}


def _nothing_is_sent(firm: Firm) -> bool:
    """Whether each command that is not settled is parked, or stands behind one that is."""
    commands = firm.store.tables.outbox.values()
    stuck = {standing.lane for standing in commands if standing.is_parked}
    return all(standing.lane in stuck for standing in commands)


def _operations(begins: tuple[str, ...]) -> dict[str, Any]:
    return {name: PATH for name in OPERATIONS if name.startswith(begins)}
