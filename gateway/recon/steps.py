"""The steps of a run: each reads or compares one page, and leaves behind where the run goes on.

First the system's books are read, then what we hold. So whatever moved while the books were read still moves, or has an
attempt that ended or an event that was applied since the run began, when it is compared: that is on its way, and no
difference. A posting of one of
the days before or after the period is read too, so that one of another day on the other side is found as just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, assert_never

from actors.standing import HOLDERS
from adapters.ports.holdings import HeldState, Holdings, Moving, OpenCommand
from adapters.ports.postings import Postings, PostingsUnavailable, PostingsUnreadable
from adapters.ports.recon import Difference, Group, Phase, Run, RunWork, Tally, Total
from adapters.ports.system import System
from adapters.ports.turns import DataRefused, StoreUnavailable
from gateway import telemetry
from gateway.recon.compare import ZERO, Judged, Scope, judge, more
from gateway.recon.notes import note_of
from gateway.recon.paging import Paging
from schemas.operations.table import read_body
from schemas.standing import Standing, key_of, name_of

OVERLAP: Final = timedelta(days=7)
"""Read on both sides of the period."""
STATES: Final = 200
NAMES: Final = 500
MOST_KEPT: Final = 10_000
"""Differences of one run that are kept; whatever more there are is counted alone."""

Held = Callable[[HeldState, str], Sequence[Standing]]
"""(a stored state, a system) -> what the entity holds to stand there. Raises `HeldUnreadable`."""


class HeldUnreadable(RuntimeError):
    """A stored state cannot be read, so nobody knows what it holds; the text says what to do."""


class Steps:
    """Does the next step of a run. `systems` by name; one that is no `Postings` cannot be read."""

    def __init__(self, work: RunWork, holdings: Holdings, systems: Mapping[str, System], held: Held) -> None:
        self._work = work
        self._holdings = holdings
        self._systems = systems
        self._held = held
        self._paging: dict[int, Paging] = {}
        """Of each run whose books we read."""

    async def step(self, run: Run) -> None:
        """One page. Raises `PostingsUnavailable`, `StoreUnavailable`; what no time mends ends the run."""
        try:
            await self._take(run)
        except (PostingsUnavailable, StoreUnavailable):
            raise
        except (PostingsUnreadable, HeldUnreadable, DataRefused) as error:
            await self.fail(run, note_of(error))
        except Exception as error:  # noqa: BLE001  # what a system says must not end a process that moves money
            telemetry.recon_failed(f"run {run.id}", error)
            what = f"{type(error).__name__}, which nobody expected here: the gateway's log says where"
            await self.fail(run, what)

    async def fail(self, run: Run, reason: str) -> None:
        """End a run that cannot be taken further."""
        await self._work.end(run, reason)
        self._paging.pop(run.id, None)

    async def _take(self, run: Run) -> None:
        match run.phase:
            case Phase.THEIRS:
                await self._read_theirs(run)
            case Phase.OURS:
                await self._read_ours(run)
            case Phase.COMPARING:
                await self._compare(run)
            case Phase.DONE | Phase.FAILED:
                return
            case _:
                assert_never(run.phase)

    async def _read_theirs(self, run: Run) -> None:
        asked = run.asked
        page = await books_of(self._systems, asked.system).postings(*days_read(asked.first, asked.last), run.cursor)
        self._paging.setdefault(run.id, Paging()).expect_end(asked.system, run.cursor, page)
        phase = Phase.OURS if page.next is None else Phase.THEIRS
        wanted = [each for each in page.standings if asked.entity in (None, each.entity)]
        await self._work.keep(run, wanted, ours=False, phase=phase, cursor=page.next)
        if page.next is None:
            del self._paging[run.id]

    async def _read_ours(self, run: Run) -> None:
        asked = run.asked
        first, last = days_read(asked.first, asked.last)
        entities = [entity for entity in HOLDERS if asked.entity in (None, entity)]
        entity, _, after = (run.cursor or f"{entities[0]}/").partition("/")
        states = await self._holdings.states(entity, after=after or None, limit=STATES)
        found = [
            replace(each, key=state.key)
            for state in states
            for each in self._held(state, asked.system)
            if first <= each.day <= last
        ]
        phase, cursor = _behind(entities, entity, states)
        await self._work.keep(run, found, ours=True, phase=phase, cursor=cursor)

    async def _compare(self, run: Run) -> None:
        groups = await self._work.groups(run.id, after=run.cursor, limit=NAMES)
        if not groups:
            await self._work.end(run)
            return
        scope = Scope.of(run.asked)
        judged = [(group, judge(group.name, group.ours, group.theirs, scope)) for group in groups]
        keys = {key for group, each in judged if each.differences and (key := group.key) is not None}
        moving = await self._holdings.moving(run.asked.system, keys, since=run.started_at) if keys else {}
        tally, found = run.tally, list[Difference]()
        for group, each in judged:
            standing = _standing_of(group.name, moving.get(group.key) if group.key is not None else None)
            tally = _counted(tally, group, each, standing)
            if not standing.on_its_way:
                found += [replace(difference, case=standing.case) for difference in each.differences]
        room = max(0, MOST_KEPT - run.kept)
        await self._work.found(run, found[:room], tally, cursor=groups[-1].name)


def books_of(systems: Mapping[str, System], name: str) -> Postings:
    """The system whose books are to be read. Raises `PostingsUnreadable`."""
    system = systems.get(name)
    if system is None:
        raise PostingsUnreadable(f"the policy file lists no system {name}")
    if isinstance(system, Postings):
        return system
    raise PostingsUnreadable(f"the books of {name} cannot be read: its kind of system has no way to, or no `postings`")


@dataclass(frozen=True, slots=True)
class _Standing:
    """Whether what differs under a name is on its way, or stands in a case."""

    on_its_way: bool = False
    case: int | None = None


def _standing_of(name: str, moving: Moving | None) -> _Standing:
    if moving is None:
        return _Standing()
    # What is not ours by its reference no command has booked: whatever is open at its key is about it.
    concerned = [command for command in moving.open if key_of(name) is None or name in names_of(command)]
    cases = [command.case for command in concerned if command.case is not None]
    if cases:
        return _Standing(case=min(cases))
    return _Standing(on_its_way=bool(concerned) or moving.has_moved)


def names_of(command: OpenCommand) -> set[str | None]:
    """What a command books or takes back."""
    try:
        reverses = getattr(read_body(command.operation, command.body), "reverses", None)
    except (KeyError, ValueError):
        reverses = None
    return {name_of(command.reference), name_of(reverses)}


def _counted(tally: Tally, group: Group, judged: Judged, standing: _Standing) -> Tally:
    """The tally with one name more."""
    counts = dict(tally.counts)
    moves = bool(judged.differences) and standing.on_its_way
    if not moves:
        for difference in judged.differences:
            place = (difference.shown.entity, difference.kind)
            counts[place] = counts.get(place, 0) + 1
    ours = more({each.place: each.ours for each in tally.totals}, judged.ours)
    theirs = more({each.place: each.theirs for each in tally.totals}, judged.theirs)
    way = more({each.place: each.on_its_way for each in tally.totals}, judged.effect if moves else {})
    totals = tuple(
        Total(place, ours.get(place, ZERO), theirs.get(place, ZERO), way.get(place, ZERO))
        for place in sorted({*ours, *theirs, *way})
    )
    return Tally(totals, counts, tally.on_its_way + moves, tally.entries + len(group.theirs))


def _behind(entities: Sequence[str], entity: str, states: Sequence[HeldState]) -> tuple[Phase, str | None]:
    """Where the reading of what we hold goes on behind a page of one entity's states."""
    if len(states) == STATES:
        return Phase.OURS, f"{entity}/{states[-1].key.id}"
    later = entities[entities.index(entity) + 1 :]
    return (Phase.OURS, f"{later[0]}/") if later else (Phase.COMPARING, None)


def days_read(first: date, last: date) -> tuple[date, date]:
    """The days that are read for a period: the first and the last ones there are bound them."""
    before = max(date.min.toordinal(), first.toordinal() - OVERLAP.days)
    behind = min(date.max.toordinal(), last.toordinal() + OVERLAP.days)
    return date.fromordinal(before), date.fromordinal(behind)
