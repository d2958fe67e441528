"""Plans that are not ended: each for itself, checked when it may be done at once, and not for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import InvalidOperation

import pytest

from adapters.ports.pauses import Pause, Scope
from adapters.ports.postings import PostingsPage, PostingsUnreadable
from adapters.ports.recon import Difference, Kind, Numbered, RunAsked
from adapters.ports.recon_plans import Plan
from gateway.inner import InnerEvent
from gateway.recon.checks import LONGEST_LOOK, Checks
from gateway.recon.planning import planned
from gateway.recon.repairs import Repairs, Telling, key_of_plan
from gateway.recon.tries import LONGEST, TRIES
from gateway.telemetry import silenced
from schemas.repair.entity import Repair
from schemas.repair.v1 import LASTS, Planned, Unanswered, Verified
from tests.contracts.turns import applied, batch, message
from tests.gateway.recon.books import MARCH, Books, Firm, ours


@dataclass
class Mailbox:
    """Inner events, in the order in which they were delivered."""

    events: list[InnerEvent] = field(default_factory=list)

    async def deliver(self, event: InnerEvent) -> None:
        self.events.append(event)


@dataclass
class Shut(Books):
    """A system whose books cannot be read before a person acts."""

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        raise PostingsUnreadable("the books of crm cannot be read")


class Desk:
    """A firm with two systems, and one process that looks after plans."""

    def __init__(self) -> None:
        self.firm = Firm()
        self.other = Books(name="crm")
        self.mailbox = Mailbox()
        self.paused: list[Scope] = []
        self.repairs = self.process({"erp": self.firm.books, "crm": self.other})

    def process(self, systems: Mapping[str, Books]) -> Repairs:
        clients = self.firm.store.clients()
        checks = Checks(systems, clients.holdings, self.now)
        return Repairs(clients.plans, clients.entities, checks, Telling(self.mailbox), self.pauses, self.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.firm.now, UTC)

    def pauses(self) -> list[Pause]:
        return [Pause(number, scope, "op", "stop", self.now()) for number, scope in enumerate(self.paused, 1)]

    async def planned(self, system: str = "erp", number: int = 1) -> Plan:
        """A plan that books an entry again, approved."""
        asked = RunAsked(system, MARCH.first, MARCH.last)
        run = await self.firm.clients.runs.begin(asked, by="ann", click=f"{system} {number}")
        lost = Difference(Kind.MISSING, ours(number).name, ours(number), None)
        [item] = planned([Numbered(1, lost)], {}, lambda _: True).items
        told = Planned(run=run.id, system=system, first=MARCH.first, last=MARCH.last, requested_by="ann", items=(item,))
        plan = await self.firm.clients.plans.keep(run.id, told.to_json(), by="ann", click="1", reason="as found")
        await self.becomes(plan, "approved")
        return plan

    async def becomes(self, plan: Plan, status: str) -> None:
        """What the plan's entity is now."""
        state = Repair(status="new", plan=Planned.model_validate_json(plan.body)).model_copy(update={"status": status})
        [row] = (await self.firm.clients.commits.load([key_of_plan(plan.id)])).values()
        turn = applied(row, message(f"{plan.id} {status}"), state=state.model_dump_json().encode())
        await self.firm.clients.commits.commit(batch(turn))

    def told(self) -> list[tuple[str, object]]:
        """To whom something was told, and what."""
        return [(event.key.id, event.data) for event in self.mailbox.events]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_plan_is_checked_and_ended(desk: Desk) -> None:
    plan = await desk.planned()
    assert not await desk.repairs.go_on()
    assert desk.told() == [(plan.id, Verified(checked_at=desk.now()))]
    await desk.becomes(plan, "sent")
    assert await desk.repairs.go_on()
    assert await desk.firm.clients.plans.open() == []


async def test_a_check_is_not_made_again_as_long_as_it_counts(desk: Desk) -> None:
    plan = await desk.planned()
    for _ in range(3):
        await desk.repairs.go_on()
    assert len(desk.told()) == 1
    desk.firm.now += LASTS.total_seconds()
    await desk.repairs.go_on()
    assert desk.told()[1:] == [(plan.id, Verified(checked_at=desk.now()))]


async def test_a_system_that_is_silent_keeps_no_other_plan_waiting(desk: Desk) -> None:
    await desk.planned("crm")
    plan = await desk.planned("erp")
    desk.other.fails = 99
    await desk.repairs.go_on()
    assert [key for key, _ in desk.told()] == [plan.id]


async def test_a_system_that_cannot_be_asked_becomes_a_case_and_is_asked_further(desk: Desk) -> None:
    plan = await desk.planned()
    desk.firm.books.fails = TRIES
    for _ in range(TRIES):
        assert desk.told() == []
        await desk.repairs.go_on()
        await desk.repairs.go_on()  # nothing is asked before its time
        desk.firm.now += LONGEST.total_seconds()
    assert desk.told() == [(plan.id, Unanswered(reason="erp does not answer"))]
    await desk.repairs.go_on()
    assert desk.told()[1:] == [(plan.id, Verified(checked_at=desk.now()))]


async def test_books_that_cannot_be_read_become_a_case_too(desk: Desk) -> None:
    plan = await desk.planned("crm")
    repairs = desk.process({"erp": desk.firm.books, "crm": Shut(name="crm")})
    for _ in range(TRIES):
        await repairs.go_on()
        desk.firm.now += LONGEST.total_seconds()
    assert desk.told() == [(plan.id, Unanswered(reason="the books of crm cannot be read"))]


@pytest.mark.parametrize(
    "scope", [Scope(), Scope("repair"), Scope("timesheet"), Scope("timesheet", "T-1"), Scope(legal_entity="DE01")]
)
async def test_nothing_is_checked_that_could_be_done_only_after_a_pause(desk: Desk, scope: Scope) -> None:
    await desk.planned()
    desk.paused = [scope]
    await desk.repairs.go_on()
    assert (desk.told(), desk.firm.books.asked) == ([], [])
    desk.paused = [Scope("expense"), Scope("timesheet", "T-2"), Scope(legal_entity="UK01")]
    await desk.repairs.go_on()
    assert len(desk.told()) == 1


async def test_what_nobody_expects_of_a_system_becomes_a_case_too(desk: Desk) -> None:
    plan = await desk.planned()
    desk.firm.books.breaks = InvalidOperation()
    with silenced():  # thirty tracebacks in colours take two minutes
        for _ in range(TRIES):
            await desk.repairs.go_on()
            desk.firm.now += LONGEST.total_seconds()
    reason = "erp answers what nobody expected: the gateway's log says what"
    assert desk.told() == [(plan.id, Unanswered(reason=reason))]


async def test_a_plan_that_cannot_be_read_keeps_no_other_plan_waiting(desk: Desk) -> None:
    unreadable, plan = await desk.planned("crm"), await desk.planned("erp")
    await desk.becomes(unreadable, "nobody knows this status")
    await desk.repairs.go_on()
    assert [key for key, _ in desk.told()] == [plan.id]


async def test_books_that_take_longer_to_read_than_they_count_become_a_case(desk: Desk) -> None:
    plan = await desk.planned()

    def takes_long() -> None:
        desk.firm.now += LONGEST_LOOK.total_seconds() + 1

    desk.firm.books.reads = takes_long
    looks = 0
    while not desk.told():
        await desk.repairs.go_on()
        await desk.repairs.go_on()  # whoever keeps us so long is left alone as long
        looks += 1
        assert len(desk.firm.books.asked) == looks < TRIES
        desk.firm.now += LASTS.total_seconds() + 1
    assert desk.told() == [(plan.id, Unanswered(reason="erp did not tell within 10 minutes what stands there"))]
    await desk.repairs.go_on()
    assert len(desk.told()) == 1, "a person has heard of it"


async def test_a_system_that_is_paused_is_not_asked(desk: Desk) -> None:
    await desk.planned("crm")
    plan = await desk.planned("erp")
    await desk.repairs.go_on({"crm"})
    assert ([key for key, _ in desk.told()], desk.other.asked) == ([plan.id], [])
