"""The last look at an approved plan: which of its items are not as they were planned any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from actors.standing import day_of, sort_of
from adapters.ports.holdings import Holdings
from adapters.ports.postings import PostingsUnavailable
from adapters.ports.system import Absent, System, UnknownOperation
from gateway.recon.paging import Paging
from gateway.recon.steps import books_of, days_read, names_of
from schemas.commands import BY_REFERENCE, Command, Confirmed, command_id, command_reference
from schemas.keys import ActorKey
from schemas.repair.v1 import LASTS, Item, Planned
from schemas.standing import BOOKINGS, Sort, Standing, name_of

LINES: Final = (Sort.BILLABLE, Sort.EXPENSE, Sort.COST)
"""What a line of a sheet or report may be booked as."""
LONGEST_LOOK: Final = LASTS * 2 / 3
"""The rest is for those who decide on what was seen."""


class Checks:
    """Asks systems, by name, and looks at what is on its way to them. `now` is the wall clock."""

    def __init__(self, systems: Mapping[str, System], holdings: Holdings, now: Callable[[], datetime]) -> None:
        self._systems = systems
        self._holdings = holdings
        self._now = now

    async def changed(self, plan: Planned) -> list[int]:
        """The numbers of the items that are not as they were planned any more.

        Raises `StoreUnavailable`, `PostingsUnreadable`, and `PostingsUnavailable`, also where it takes so long that
        what was read first will not count any more.
        """
        began = self._now()
        # What is open is read first: whatever is settled by then, the books show.
        moving = await self._moving(plan)
        there = await self._read(plan, began)
        still: list[Item] = []
        for item in plan.items:
            if _name(item) not in moving and await self._is_as_planned(plan.system, item, there):
                still.append(item)
            self._expect_in_time(plan.system, began)
        too_many = Counter(_name(item) for item in still if _is_too_much(item))
        # Of what is there once too often one entry stays: somebody may have deleted that one instead of ours.
        done = {
            item.number for item in still if not _is_too_much(item) or too_many[_name(item)] < len(there[_name(item)])
        }
        return [item.number for item in plan.items if item.number not in done]

    async def _moving(self, plan: Planned) -> set[str | None]:
        """The names that an open command books or takes back."""
        keys = {ActorKey(item.entity, item.key) for item in plan.items}
        moving = await self._holdings.moving(plan.system, keys, since=self._now())
        return {name for each in moving.values() for command in each.open for name in names_of(command)}

    async def _read(self, plan: Planned, began: datetime) -> Mapping[str, Sequence[Standing]]:
        """What stands now under the names that the plan is about, by name."""
        there: dict[str, dict[str | None, Standing]] = {_name(item): {} for item in plan.items}
        books = books_of(self._systems, plan.system)
        for first, last in _spans(plan):
            paging, start = Paging(), None
            while True:
                page = await books.postings(first, last, start)
                self._expect_in_time(plan.system, began)
                for each in page.standings:
                    if each.name in there:
                        # Moved to another day meanwhile, it is still one entry.
                        there[each.name][each.external_id] = each
                paging.expect_end(plan.system, start, page)
                if page.next is None:
                    break
                start = page.next
        return {name: [*found.values()] for name, found in there.items()}

    def _expect_in_time(self, system: str, began: datetime) -> None:
        """Raise `PostingsUnavailable` once what was read first is too old to be decided on."""
        if self._now() - began > LONGEST_LOOK:
            minutes = LONGEST_LOOK // timedelta(minutes=1)
            raise PostingsUnavailable(f"{system} did not tell within {minutes} minutes what stands there")

    async def _is_as_planned(self, system: str, item: Item, there: Mapping[str, Sequence[Standing]]) -> bool:
        standing = there[_name(item)]
        if item.stands is None:
            return not standing and await self._is_absent(system, item)
        stands = item.stands
        said = (item.external_id, sort_of(stands), stands.amount, day_of(stands))
        return any((each.external_id, each.sort, each.amount, each.day) == said for each in standing)

    async def _is_absent(self, system: str, item: Item) -> bool:
        """Whether the system says that it has nothing under the reference that we hold, wherever it was booked."""
        can_ask = asker(self._systems, system)
        if not can_ask(Sort(item.sort)):
            return False
        sorts = LINES if item.sort in LINES else (Sort(item.sort),)
        for sort in filter(can_ask, sorts):
            match await self._systems[system].look_up(_command(system, BOOKINGS[sort], item)):
                case Absent():
                    continue
                case Confirmed():
                    return False
                case refused:
                    raise PostingsUnavailable(f"{system}: {refused.failure.reason}")
        return True


def asker(systems: Mapping[str, System], name: str) -> Callable[[Sort], bool]:
    """Whether a system can be asked by our reference whether it has an entry of a sort."""

    def can_ask(sort: Sort) -> bool:
        system = systems.get(name)
        try:
            return system is not None and system.capability(BOOKINGS[sort]).look_up
        except UnknownOperation:
            return False

    return can_ask


def _spans(plan: Planned) -> list[tuple[date, date]]:
    """The days that are read: those of the items with some around them, each day once."""
    days = [item.day for item in plan.items] + [day_of(item.stands) for item in plan.items if item.stands is not None]
    known = [day for day in days if day is not None]
    if len(known) < len(days):
        return [days_read(plan.first, plan.last)]
    spans: list[tuple[date, date]] = []
    for first, last in sorted({days_read(day, day) for day in known}):
        touches = bool(spans) and (first - spans[-1][1]).days <= 1
        spans.append((spans.pop()[0] if touches else first, last))
    return spans


def _name(item: Item) -> str:
    return name_of(item.holds or item.reference) or ""


def _is_too_much(item: Item) -> bool:
    """Whether we hold the entry, and another one of it stays."""
    return item.holds is not None and not item.books


def _command(system: str, operation: str, item: Item) -> Command:
    """The command that booked what is missing, as a question."""
    key = ActorKey(item.entity, item.key)
    generation = int((item.holds or "/1").rpartition("/")[2])
    id_ = command_id(system, operation, key, item.booking, generation)
    reference = item.holds or command_reference(key, item.booking, generation)
    return Command(id_, system, operation, key, item.booking, generation, BY_REFERENCE, reference)
