"""A system of the scenarios: it keeps what it was asked for, and refuses or dawdles where a scenario says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from adapters.ports.system import NOT_BEGUN
from schemas.commands import Command, Confirmed, Outcome, Rejected
from schemas.keys import ActorKey
from schemas.operations.table import Body, read_body
from schemas.verdicts import Failure, FailureClass
from tests.runtime.firm import Books

REFUSED: Final = Failure(FailureClass.BUSINESS_RULE, "refused", "the books do not take this: correct them, then retry")


class Answer(NamedTuple):
    """What a system was asked for, and whether it took it."""

    system: str
    key: ActorKey
    body: Body
    is_taken: bool


@dataclass
class Ledger(Books):
    """`asked_for` is what it works on or has answered; `answers` are all systems', in their order."""

    answers: list[Answer] = field(default_factory=list)
    asked_for: list[Body] = field(default_factory=list)
    refuses: Callable[[Body], bool] = lambda _body: False
    seconds: float = 0.0
    batches: list[int] = field(default_factory=list)
    """How many lines each request brought that had several."""

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        """Each in its turn, and none behind one of its key that was not done."""
        self.batches.append(len(commands))
        outcomes: list[Outcome] = []
        stopped: set[ActorKey] = set()
        for each in commands:
            outcome = NOT_BEGUN if each.key in stopped else await self.send(each)
            if not isinstance(outcome, Confirmed):
                stopped.add(each.key)
            outcomes.append(outcome)
        return outcomes

    async def send(self, command: Command) -> Outcome:
        body = read_body(command.operation, command.body)
        self.asked_for.append(body)
        await asyncio.sleep(self.seconds)
        is_taken = not self.refuses(body)
        self.answers.append(Answer(self.name, command.key, body, is_taken))
        return await super().send(command) if is_taken else Rejected(REFUSED)

    def _confirmed(self, command: Command) -> Confirmed:
        """Its own id of what the command is about: an invoice, a contract, a customer, else a line by itself."""
        body = read_body(command.operation, command.body)
        kinds = ("invoice_id", "milestone_id", "contract_id", "project_id", "customer_id")
        about = next((getattr(body, kind) for kind in kinds if hasattr(body, kind)), command.id)
        return Confirmed(f"{self.name}-{about}")
