"""What each message of a plan would do: decided for real in the order of the replay, each after what came before it.

Keys see each other as they would be then. One that would wait is decided again once the plan has changed what it waits
for, as it would be woken.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from typing import Final

from actors.decision import State
from adapters.ports.replays import Asked, Kind, Outlook, Planned, Prediction, Relied, Total
from adapters.ports.store import Commits
from adapters.ports.turns import Lane, Row
from gateway.activation import Activation, Memory
from gateway.draft import Draft
from gateway.references import References
from gateway.rehearsal import Endless, Holders, Rehearsal
from gateway.replay.changes import changes
from gateway.replay.overlay import Overlay
from gateway.world import World
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.operations.money import money_of
from schemas.verdicts import LaneState, Verdict

SNAPSHOTS: Final = 50_000


@dataclass(slots=True)
class _Standing:
    """A lane of the plan as far as it is decided. `stopped_by`: the message that would stop it, and why.

    `first_stopped` is its number; `target`, `seen`: what it would wait for, and the version that it saw.
    """

    row: Row
    state: State
    relied: dict[ActorKey, int] = field(default_factory=dict)
    stopped_by: str | None = None
    first_stopped: int = 0
    target: ActorKey | None = None
    seen: int = 0


class Forecast:
    """The predictions of one plan in the making. `commits` is read from and never committed to."""

    def __init__(self, commits: Commits, holders: Holders, world: World) -> None:
        # References of its own: they show what the plan would change.
        self._world = replace(world, references=References(world.actors, capacity=SNAPSHOTS))
        self._overlay = Overlay(commits, holders)
        self._rehearsal = Rehearsal(self._overlay, self._overlay, self._world)
        self._lanes: dict[ActorKey, _Standing] = {}
        self._known: dict[int, Prediction] = {}
        """By number, without changes and reasons, which may be long."""

    async def predict(self, page: Sequence[Planned]) -> tuple[dict[int, Prediction], list[Relied]]:
        """The predictions of a page of messages, in order, and what the keys of the page rely on so far.

        Raises `StoreUnavailable`, after which the whole forecast begins again.
        """
        await self._begin(page)
        found: dict[int, Prediction] = {}
        keys: list[ActorKey] = []
        for key, messages in groupby(page, key=lambda each: each.key):
            keys.append(key)
            for each in messages:
                if each.number >= self._lanes[key].first_stopped:
                    found[each.number] = await self._predicted(self._lanes[key], each)
            await asyncio.sleep(0)  # who decides for live traffic is in the same loop
        brief = {number: replace(each, reason=None, changes=()) for number, each in found.items()}
        self._known.update(brief)
        relied = [Relied(key, dict(self._lanes[key].relied)) for key in keys]
        self._forget(keys[:-1])  # the last one may go on with the next page
        return found, relied

    def woken(self) -> set[ActorKey]:
        """The keys that would wait, and would be woken by what was predicted since; they are to be predicted again."""
        woken = {key for key, lane in self._lanes.items() if self._is_woken(lane)}
        for key in woken:
            lane = self._lanes[key]
            lane.stopped_by, lane.target = None, None
            lane.row = replace(lane.row, lane=_open(lane.row.lane))
        return woken

    def outlook(self) -> Outlook:
        """What all predictions come to."""
        totals: dict[Kind, Total] = {}
        for prediction in self._known.values():
            for asked in prediction.commands:
                kind = Kind(asked.system, asked.operation, asked.currency)
                before = totals.get(kind, Total(0, Decimal(0)))
                totals[kind] = Total(before.count + 1, before.amount + (asked.amount or 0))
        verdicts = Counter(prediction.verdict for prediction in self._known.values())
        codes = Counter(prediction.code for prediction in self._known.values() if prediction.code is not None)
        return Outlook(dict(verdicts), dict(codes), totals)

    async def _begin(self, page: Sequence[Planned]) -> None:
        """Bring rows and references of a page into memory, each kind in a few reads for all of it."""
        new = {each.key: Activation(each.key) for each in page if each.key not in self._lanes}
        loading = self._rehearsal.loading
        await loading.rows([*new.values()])
        for key, activation in new.items():
            if activation.memory is None:
                raise AssertionError(f"{key} was not loaded")
            row = activation.memory.row
            opened = replace(row, lane=_open(row.lane))
            self._lanes[key] = _Standing(opened, activation.memory.state, {key: row.entity_version})
        wanted = [self._activation(self._lanes[each.key], each) for each in page]
        await loading.references(wanted)

    def _forget(self, keys: Sequence[ActorKey]) -> None:
        """Drop lanes that nothing wakes any more; what they changed stays."""
        for key in keys:
            if self._lanes[key].target is None:
                del self._lanes[key]

    async def _predicted(self, lane: _Standing, planned: Planned) -> Prediction:
        if lane.stopped_by is not None:
            return Prediction(Verdict.QUEUED, lane.stopped_by)
        before = lane.state
        try:
            draft = await self._rehearsal.turn(self._activation(lane, planned))
        except Endless as error:
            lane.stopped_by, lane.first_stopped = f"it would stand behind {planned.message.message.ref}", planned.number
            return Prediction(Verdict.QUEUED, f"it cannot be predicted: {error}: report it")
        turn = draft.turn
        [judged] = turn.judged
        lane.row, lane.state = await self._overlay.happen(turn), draft.state
        lane.relied.update(turn.relied)
        self._show(draft)
        if judged.position is not None:
            stands = turn.lane
            lane.stopped_by = f"it would stand behind {planned.message.message.ref}, which would be {judged.verdict}"
            lane.first_stopped, lane.target, lane.seen = planned.number, stands.target, stands.seen or 0
        failure = next((each.case.failure for each in turn.opened if each.case.topic is None), None)
        return Prediction(
            judged.verdict, judged.reason, None if failure is None else failure.code,
            tuple(asked for queued in turn.queued for asked in _asked(queued.command)),
            () if draft.state is before
            else changes(planned.key.entity, before.model_dump(mode="json"), draft.state.model_dump(mode="json")),
        )  # fmt: skip

    def _activation(self, lane: _Standing, planned: Planned) -> Activation:
        """A turn of this message alone."""
        standing = planned.message
        return Activation(
            planned.key, memory=Memory(lane.row, lane.state), lane=(standing,), limit=1,
            killer=standing.message.ref if planned.kills else None,
        )  # fmt: skip

    def _show(self, draft: Draft) -> None:
        """Let others see what this turn has changed."""
        turn, references = draft.turn, self._world.references
        references.renew(turn.key, turn.entity_version, draft.state)
        references.forget(turn.binds)

    def _is_woken(self, lane: _Standing) -> bool:
        version = None if lane.target is None else self._overlay.version(lane.target)
        return version is not None and version > lane.seen


def _open(lane: Lane) -> Lane:
    """The lane once it was let go on."""
    return Lane(LaneState.OPEN, lane.depth, lane.tail)


def _asked(command: Command) -> Sequence[Asked]:
    """A command as it is shown, with its money."""
    named = (command.system, command.operation, command.reference)
    money = money_of(command.body)
    return [Asked(*named, amount, currency) for currency, amount in money.items()] or [Asked(*named)]
