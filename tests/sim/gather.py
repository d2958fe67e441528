"""Gathers the evidence of a simulation from its tables, its systems, and what it kept on the way."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal

import orjson

from adapters.memory.rows import Accepted
from adapters.memory.tables import Tables
from schemas.commands import SELF, Command
from schemas.operations.table import read_body
from tests.checker.asks import asks, awaits
from tests.checker.content import raw
from tests.checker.evidence import (
    Case,
    DeadLetter,
    Entity,
    Evidence,
    Inboxed,
    Line,
    Pause,
    Sent,
    Unsettled,
)
from tests.sim.policy import CLOCKS
from tests.sim.within import arrived_within, said_within, source_of
from tests.sim.world import World


def gather(world: World) -> Evidence:
    """All that is known in the end."""
    tables = world.tables
    deaths = [death for process in world.processes if not process.is_dead for death in process.deaths]
    counts = [process.counts for process in world.processes]
    return Evidence(
        published=(*world.published, *said_within(world)),
        inbox=tuple(_inboxed(world, row) for row in tables.inbox.values()),
        dead_letters=tuple(
            DeadLetter(raw(row.letter.body), row.letter.code, row.seen) for row in tables.dead_letters.values()
        ),
        entities=tuple(_entities(tables)),
        timeline=tuple(_lines(world)),
        cases=tuple(
            Case(
                str(row.key), row.opened.case.failure.code, row.is_open, _text(row.opened.ref),
                _text(row.opened.command_id), row.opened.case.topic,
            )
            for row in tables.cases
        ),
        commands=tuple(world.commands.values()),
        outbox=tuple(
            Unsettled(
                str(row.command.id), row.place, row.is_parked,
                _amount(row.command),
            )
            for row in tables.outbox.values()
        ),
        sent=tuple(
            Sent(str(id), each.attempt.number, each.attempt.ending)
            for id, log in tables.attempts.items()
            for each in log
        ),
        requests=tuple(request for outside in world.outsides.values() for request in outside.requests),
        effects=(
            *(effect for outside in world.outsides.values() for effect in outside.effects), *arrived_within(world),
        ),
        claims={(claim.scope, claim.value): str(key) for claim, key in tables.claims.items()},
        bindings=_bindings(tables),
        leases=tuple((lane.system, str(lane.key)) for lane in tables.leases),
        wakes=tuple(str(key) for key in tables.wakes),
        pauses=tuple(
            Pause(pause.scope.entity, pause.scope.key, pause.scope.legal_entity) for pause in tables.pauses.values()
        ),
        acks=tuple(world.receipts.acks),
        contiguous=frozenset({CLOCKS}),
        closings=tuple(world.closings),
        overdue=world.overdue,
        forgotten=frozenset(world.forgotten - world.commands.keys()),
        claimed=tuple(world.claimed),
        allowed=world.limits.allowed,
        in_queues=world.depth(),
        untold=len(tables.notices),
        deaths=tuple(deaths),
        faults=dict(world.hits),
        counts={
            "duplicates suppressed": sum(count for each in counts for count in each.duplicates.values()),
            "stale writers": sum(each.stale_writers for each in counts),
            "processes": len(world.processes),
        },
    )  # fmt: skip


def _inboxed(world: World, row: Accepted) -> Inboxed:
    message = row.message
    source, id = message.source, message.id
    is_conflict = source.startswith("conflict:")
    if is_conflict:
        source, id = source.removeprefix("conflict:"), id.rpartition("#")[0]
    return Inboxed(
        str(message.ref), source_of(world.asked, source, id), id, str(row.key),
        world.receipts.content_of(message.ref), row.verdict, row.position, row.attempts, row.reason, is_conflict,
    )  # fmt: skip


def _amount(command: Command) -> Decimal:
    if command.system == SELF:
        return Decimal(0)
    return read_body(command.operation, command.body).amount or Decimal(0)


def _entities(tables: Tables) -> list[Entity]:
    found = []
    for key, entity in tables.entities.items():
        row, lane = entity.row, entity.row.lane
        target = None if lane.target is None else str(lane.target)
        state = None if row.state is None else orjson.loads(row.state)
        found.append(
            Entity(
                str(key), row.entity_version, lane.state, lane.depth, lane.reason, target, lane.seen,
                asks(str(key), state), awaits(str(key), state),
            )
        )  # fmt: skip
    return found


def _lines(world: World) -> list[Line]:
    lengths = [length for length, _ in world.stamps]
    found = []
    for place, line in enumerate(world.tables.timeline):
        stamp = bisect_right(lengths, place)
        found.append(
            Line(
                str(line.key), line.entity_version, line.what, _text(line.ref), _text(line.command_id), str(stamp),
                world.stamps[stamp][1], line.reason,
            )
        )  # fmt: skip
    return found


def _bindings(tables: Tables) -> dict[str, str]:
    bound = {}
    for key, entity in tables.entities.items():
        if key.is_external and entity.row.state is not None:
            state = orjson.loads(entity.row.state)
            bound[str(key)] = f"{state['entity']}/{state['id']}"
    return bound


def _text(id: object) -> str | None:
    return None if id is None else str(id)
