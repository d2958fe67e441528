"""Replay of what was done in memory: what a system has lost goes back into the outbox, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.memory.replays import Kept, PlannedLane, is_sent
from adapters.memory.rows import Logged, Sent, Standing
from adapters.memory.tables import Tables
from adapters.ports.outbox import Ending, SendLane
from adapters.ports.replays import Item, Landed
from adapters.ports.replays import Sent as Planned
from schemas.commands import BY_REFERENCE, Command
from schemas.verdicts import Verdict

_OUTCOMES = frozenset({Ending.CONFIRMED, Ending.REJECTED})


def sent_of(tables: Tables, item: Item) -> Planned:
    """A command of a plan."""
    found = _kept(tables, item)
    if found is not None:
        return Planned(item.number, found.command, is_kept=True)
    command = Command(item.ref, item.source, item.type, item.key, "", 0, BY_REFERENCE, item.id)
    return Planned(item.number, command, is_kept=False)


def why_not_resent(tables: Tables, kept: Kept, lane: PlannedLane) -> str | None:
    """Why a key is left alone."""
    items, send_lane = _items(kept, lane), _lane(kept, lane)
    refs = {item.ref for item in items}
    if tables.send_lanes.get(send_lane):
        return "commands of its key are open: see that they are settled, and plan again"
    if any(
        is_sent(each, send_lane, kept.replay.chosen) and each.command.id not in refs
        for each in tables.sent.get(send_lane, {}).values()
    ):
        return "the system has confirmed a command of its key since the plan was made: plan again"
    if any(_is_gone(item) and _kept(tables, item) is None for item in items):
        return "what was sent is not kept any more"
    return None


def resend(tables: Tables, kept: Kept, lane: PlannedLane) -> None:
    """Put what is gone back into the outbox, at its place."""
    for item in _items(kept, lane):
        found = _kept(tables, item)
        if found is not None and _is_gone(item):
            log = tables.attempts.get(item.ref, ())
            past = log[-1].attempt.number if log else 0
            tables.queue(
                Standing(
                    found.command, found.place, tables.clock(), resend=kept.replay.id, past=past, doubted_at=found.at
                )
            )


def is_resending(tables: Tables, kept: Kept, lane: PlannedLane) -> bool:
    """Whether commands of the plan are sent now, or will be."""
    standing = _standing(tables, kept, lane)
    return lane.state == "released" and bool(standing) and not standing[min(standing)].is_parked


def landed_of(tables: Tables, kept: Kept, lane: PlannedLane) -> Iterator[Landed]:
    """What came of the commands of one key."""
    for item in _items(kept, lane):
        predicted = None if item.prediction is None else item.prediction.verdict
        code = None if item.prediction is None else item.prediction.code
        verdict, found, reason = predicted, code, None
        if _is_gone(item) and lane.why is None:
            verdict, found, reason = _come_to(tables, kept, item)
        yield Landed(item.number, predicted, code, verdict, found, reason, lane.why)


def _come_to(tables: Tables, kept: Kept, item: Item) -> tuple[Verdict, str | None, str | None]:
    standing = tables.outbox.get(item.ref)
    if standing is not None and standing.resend == kept.replay.id:
        codes = (
            case.opened.case.failure.code
            for case in tables.cases
            if case.is_open and case.opened.command_id == item.ref
        )
        return Verdict.PARKED if standing.is_parked else Verdict.QUEUED, next(codes, None), standing.reason
    last, *before = [each for each in reversed(tables.attempts[item.ref]) if each.attempt.ending in _OUTCOMES]
    if last.attempt.ending is Ending.REJECTED:
        return Verdict.REJECTED, last.attempt.code, last.attempt.reason
    was = next((_id(each) for each in before if each.attempt.ending is Ending.CONFIRMED), _id(last))
    if _id(last) != was:
        reason = f"its id is {_id(last)} now, and was {was}: what names the old one must be told"
        return Verdict.APPLIED, "id_changed", reason
    return Verdict.APPLIED, last.attempt.code, last.attempt.reason


def _id(logged: Logged) -> str | None:
    return logged.attempt.external_id


def _is_gone(item: Item) -> bool:
    return item.prediction is not None and item.prediction.verdict is Verdict.APPLIED


def _items(kept: Kept, lane: PlannedLane) -> list[Item]:
    return kept.items[lane.first - 1 : lane.last]


def _lane(kept: Kept, lane: PlannedLane) -> SendLane:
    return SendLane(_items(kept, lane)[0].source, lane.key)


def _kept(tables: Tables, item: Item) -> Sent | None:
    kept = tables.sent.get(SendLane(item.source, item.key), {}).values()
    return next((each for each in kept if each.command.id == item.ref), None)


def _standing(tables: Tables, kept: Kept, lane: PlannedLane) -> dict[tuple[int, int], Standing]:
    """Those that are sent again, by their places."""
    standing = tables.send_lanes.get(_lane(kept, lane), {})
    return {place: each for place, each in standing.items() if each.resend == kept.replay.id}
