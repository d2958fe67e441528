"""A system whose books a test writes, and a store in memory in which keys hold what the test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

import orjson

from adapters.memory.store import MemoryClients, MemoryStore
from adapters.ports.holdings import HeldState
from adapters.ports.postings import PostingsPage, PostingsUnavailable
from adapters.ports.recon import Difference, Run, RunAsked
from adapters.ports.system import Absent, Capability, Upsert
from adapters.ports.turns import Committed
from gateway.recon.steps import HeldUnreadable, Steps
from schemas.commands import Command, Confirmed, Outcome
from schemas.keys import ActorKey
from schemas.standing import Sort, Standing, key_of
from tests.contracts.turns import applied, batch, message

DAY: Final = date(2026, 3, 5)
MARCH: Final = RunAsked("erp", date(2026, 3, 1), date(2026, 3, 31))
PROMISE: Final = Capability(Upsert.NONE, None, unique_reference=True, look_up=True, late_bound=1.0)


def ours(number: int, **said: object) -> Standing:
    """What sheet T-<number> holds."""
    reference = f"timesheet/T-{number}/1.r1/1"
    held = Standing(Sort.BILLABLE, reference, None, "DE01", DAY, Decimal("100.00"), "EUR", "8400")
    return replace(held, **said)  # type: ignore[arg-type]  # fields of a standing, by the tests


def theirs(number: int, **said: object) -> Standing:
    """The same as it stands in the books."""
    return replace(ours(number), **{"external_id": f"B-{number}", **said})  # type: ignore[arg-type]  # as above


def issued(id: str, still_open: str) -> Standing:
    """An invoice that the ERP has issued by itself, so that it carries no reference of ours."""
    return Standing(
        Sort.INVOICE, None, id, "DE01", DAY, Decimal("100.00"), "EUR", open=Decimal(still_open)
    )  # fmt: skip


@dataclass
class Books:
    """A system of pages of two entries; `fails` is how often it does not answer."""

    entries: list[Standing] = field(default_factory=list)
    fails: int = 0
    asked: list[tuple[date, date, str | None]] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    """References that a look-up finds, whatever stands."""
    silent: set[str] = field(default_factory=set)
    """Operations that cannot be looked up."""
    name: str = "erp"
    back: dict[str, str] = field(default_factory=dict)
    """Page -> the page that is said to follow, which is wrong."""
    reads: Callable[[], None] | None = None
    """What happens while a page is read."""
    breaks: Exception | None = None
    """What nobody expects of it, instead of an answer."""

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        self.asked.append((first, last, start))
        if self.reads is not None:
            self.reads()
        if self.breaks is not None:
            raise self.breaks
        if self.fails:
            self.fails -= 1
            raise PostingsUnavailable("erp does not answer")
        begin = int(start or 0)
        standing = [each for each in self.entries if first <= each.day <= last]
        following = begin + 2 if begin + 2 < len(standing) else None
        page = None if following is None else str(following)
        return PostingsPage(tuple(standing[begin : begin + 2]), self.back.get(start or "0", page))

    def capability(self, operation: str) -> Capability:
        return replace(PROMISE, look_up=operation not in self.silent)

    async def send(self, command: Command) -> Outcome:
        raise NotImplementedError(command.reference)

    async def look_up(self, command: Command) -> Confirmed | Absent:
        stands = any(each.reference == command.reference for each in self.entries)
        return Confirmed("B") if stands or command.reference in self.found else Absent()

    async def close(self) -> None:
        """Nothing to close."""


class Firm:
    """What keys hold, and what stands in the books."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store = MemoryStore(lambda: self.now)
        self.clients: MemoryClients = self.store.clients()
        self.books = Books()
        self.others: dict[str, Books] = {}
        """Further systems."""
        self.steps = self.made()

    def made(self) -> Steps:
        """The steps as one more process takes them."""
        clients = self.store.clients()
        return Steps(clients.run_work, clients.holdings, {"erp": self.books, **self.others}, self.held)

    def held(self, row: HeldState, _system: str) -> Sequence[Standing]:
        """A state of these tests is the list of numbers that its key holds, each with what it says otherwise.

        That of an invoice is what is still open of it.
        """
        said = orjson.loads(row.state)
        if said == "unreadable":
            raise HeldUnreadable(f"the stored state of {row.key} cannot be read")
        if row.key.entity == "invoice":
            return [issued(row.key.id, said["open"])]
        return [ours(int(number), **_read(other)) for number, other in said.items()]

    async def hold(self, *standings: Standing, state: object = None) -> None:
        """Let the keys hold these."""
        for each in standings:
            key = key_of(each.name) or ActorKey("timesheet", "?")
            other = {"amount": str(each.amount), "day": each.day.isoformat()}
            await self.store_state(key, {key.id.removeprefix("T-"): other} if state is None else state)

    async def store_state(self, key: ActorKey, state: object) -> None:
        """Commit a state."""
        [row] = (await self.clients.commits.load([key])).values()
        turn = applied(row, message(f"{key} {row.entity_version}"), state=orjson.dumps(state))
        assert await self.clients.commits.commit(batch(turn)) == [Committed()]

    async def begin(self, asked: RunAsked = MARCH) -> Run:
        """A run."""
        return await self.clients.runs.begin(asked, by="ann", click=f"{self.now} {asked}")

    async def over(self, asked: RunAsked = MARCH) -> Run:
        """A run taken to its end, step by step."""
        run = await self.begin(asked)
        while (following := await self.clients.run_work.next()) is not None:
            await self.steps.step(following)
        return await self.shown(run)

    async def shown(self, run: Run) -> Run:
        """A run as it stands."""
        found = await self.clients.runs.run(run.id)
        assert found is not None
        return found

    async def differences(self, run: Run) -> list[Difference]:
        """What it has found."""
        rows = await self.clients.runs.differences(run.id, kind=None, beside=None, after=0, limit=999)
        return [row.difference for row in rows]


def _read(other: dict[str, str]) -> dict[str, object]:
    return {"amount": Decimal(other["amount"]), "day": date.fromisoformat(other["day"])}
