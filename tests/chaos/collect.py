"""Evidence of a run on real servers: read from PostgreSQL by plain SQL, from the journals, and from the logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import asyncpg

from adapters.rabbitmq.topology import WATERMARK
from gateway.people import SOURCE as PEOPLE
from tests.chaos.people import own_source, said_by_people
from tests.chaos.within import arrived_within, said_within, source_of
from tests.chaos.world import World
from tests.checker.asks import asks, awaits
from tests.checker.content import content, raw
from tests.checker.effects import DONE
from tests.checker.evidence import (
    Case,
    Cell,
    Command,
    DeadLetter,
    Effect,
    Entity,
    Evidence,
    Inboxed,
    Line,
    Pause,
    Published,
    Sent,
    Step,
    Unsettled,
)
from tests.integration.events import CLOCKS
from tests.integration.firm import Json

Rows = Sequence[asyncpg.Record]
CONFLICT: Final = "conflict:"
LOGGED: Final = {"stale_writer": "stale writers", "leases_taken_over": "take-overs of leases"}
"""Events of the log that are counted, and what the report calls them."""


async def collect(
    world: World, published: Sequence[Published], faults: Mapping[Cell, int], deaths: Sequence[str]
) -> Evidence:
    """Everything as it stands now."""
    connection = await asyncpg.connect(world.postgres.url)
    try:
        rows = {name: await connection.fetch(query) for name, query in QUERIES.items()}
    finally:
        await connection.close()
    journals = {name: await world.firm.journal(name) for name in world.firm.sandboxes}
    logged = _logged(world)
    commands = _commands(rows["attempts"], rows["outbox"], world.places.seen)
    by_id = {command.id: command for command in commands}
    done = {str(row["command_id"]) for row in rows["timeline"] if row["what"] == DONE}
    return Evidence(
        published=(
            *published,
            *said_within(map(dict, rows["inbox"]), by_id, done),
            *said_by_people(*(map(dict, rows[name]) for name in ("inbox", "acts", "cases", "activations"))),
        ),
        inbox=tuple(_inboxed(row, by_id) for row in rows["inbox"]),
        dead_letters=tuple(DeadLetter(raw(row["body"]), row["code"], row["seen"]) for row in rows["dead_letters"]),
        entities=tuple(_entity(row) for row in rows["entities"]),
        timeline=_timeline(rows["timeline"]),
        cases=tuple(_case(row) for row in rows["cases"]),
        commands=commands,
        outbox=tuple(_unsettled(row) for row in rows["outbox"]),
        sent=tuple(Sent(str(row["command_id"]), row["number"], row["ending"]) for row in rows["attempts"]),
        requests=tuple(world.requests),
        effects=(
            *(_effect(row) for journal in journals.values() for row in journal),
            *arrived_within(map(dict, rows["inbox"])),
        ),
        claims={(row["scope"], row["value"]): row["holder"] for row in rows["claims"]},
        bindings={row["external"]: row["bound"] for row in rows["bindings"]},
        leases=tuple((row["system"], row["holder"]) for row in rows["leases"]),
        wakes=tuple(row["target"] for row in rows["wakes"]),
        pauses=tuple(Pause(row["entity"], row["key"], row["legal_entity"]) for row in rows["pauses"]),
        contiguous=frozenset({CLOCKS}),
        in_queues=_in_queues(world),
        untold=rows["untold"][0][0],
        deaths=(*deaths, *(f"task {name}" for name in logged.dead_tasks)),
        faults=faults,
        counts=_counts(world, logged) | {"commands of unknown place": sum(each.place is None for each in commands)},
    )


QUERIES: Final = {
    "inbox": """
        SELECT ref, source, event_id, i.entity || '/' || i.key AS key, body, verdict, position, attempts, i.reason
        FROM tallystick.inbox i
        LEFT JOIN (SELECT ref, min(seq) AS first FROM tallystick.timeline GROUP BY ref) t USING (ref)
        ORDER BY t.first""",
    "dead_letters": "SELECT body, code, seen FROM tallystick.dead_letter",
    "entities": """
        SELECT entity || '/' || key AS key, entity_version, lane_state, lane_depth, lane_reason,
               wait_entity || '/' || wait_key AS target, wait_seen, state
        FROM tallystick.entity""",
    "timeline": """
        SELECT entity || '/' || key AS key, entity_version, what, ref, command_id, reason, xmin::text AS commit,
               extract(epoch FROM at)::float8 AS at
        FROM tallystick.timeline ORDER BY seq""",
    "cases": """
        SELECT id, entity, key AS id_of_key, entity || '/' || key AS key, code, closed_at IS NULL AS is_open, ref,
               command_id, topic, version
        FROM tallystick.cases""",
    "acts": "SELECT id, case_id, actor, roles, act, reason, changes, seen, outcome FROM tallystick.case_act",
    "activations": "SELECT id, hash, reason FROM tallystick.policy_activation",
    "outbox": """
        SELECT id, system, operation, entity || '/' || key AS key, line, generation, entity_version, index, state, body
        FROM tallystick.outbox""",
    "attempts": """
        SELECT command_id, number, ending, system, operation, entity || '/' || key AS key, line, generation,
               entity_version, index
        FROM tallystick.attempt ORDER BY command_id, number""",
    "claims": "SELECT scope, value, entity || '/' || key AS holder FROM tallystick.claim",
    "bindings": """
        SELECT entity || '/' || key AS external, (state ->> 'entity') || '/' || (state ->> 'id') AS bound
        FROM tallystick.entity WHERE entity = 'external' AND state IS NOT NULL""",
    "leases": "SELECT system, entity || '/' || key AS holder FROM tallystick.lease",
    "wakes": "SELECT entity || '/' || key AS target FROM tallystick.wake",
    "pauses": "SELECT entity, key, legal_entity FROM tallystick.pause",
    "untold": "SELECT count(*) FROM tallystick.notice",
}


def _inboxed(row: asyncpg.Record, commands: Mapping[str, Command]) -> Inboxed:
    is_conflict = row["source"].startswith(CONFLICT)
    source = row["source"].removeprefix(CONFLICT)
    id = row["event_id"].rpartition("#")[0] if is_conflict else row["event_id"]
    return Inboxed(
        str(row["ref"]),
        own_source(id) if source == PEOPLE else source_of(commands, source, id),
        id,
        row["key"],
        content(row["body"]),
        row["verdict"],
        row["position"],
        row["attempts"],
        row["reason"],
        is_conflict=is_conflict,
    )


def _entity(row: asyncpg.Record) -> Entity:
    state = None if row["state"] is None else json.loads(row["state"])
    return Entity(
        row["key"], row["entity_version"], row["lane_state"], row["lane_depth"], row["lane_reason"], row["target"],
        row["wait_seen"], asks(row["key"], state), awaits(row["key"], state),
    )  # fmt: skip


def _timeline(rows: Rows) -> tuple[Line, ...]:
    """Lines by commit, in the order in which the commits wrote their first: what depends on another waited for it."""
    began: dict[str, int] = {}
    for place, row in enumerate(rows):
        began.setdefault(row["commit"], place)
    lines = [
        Line(
            row["key"],
            row["entity_version"],
            row["what"],
            None if row["ref"] is None else str(row["ref"]),
            None if row["command_id"] is None else str(row["command_id"]),
            row["commit"],
            row["at"],
            row["reason"],
        )
        for row in rows
    ]
    return tuple(sorted(lines, key=lambda line: began[line.commit]))


def _case(row: asyncpg.Record) -> Case:
    return Case(
        row["key"],
        row["code"],
        row["is_open"],
        None if row["ref"] is None else str(row["ref"]),
        None if row["command_id"] is None else str(row["command_id"]),
        row["topic"],
    )


def _commands(attempts: Rows, outbox: Rows, places: Mapping[str, tuple[int, int]]) -> tuple[Command, ...]:
    """Of settled commands the log tells all; `places` knows the place of those that were seen standing."""
    found: dict[str, Command] = {}
    for row in attempts:
        id = str(row["command_id"])
        step = Step(row["system"], row["key"], row["operation"], row["line"])
        place = None if row["entity_version"] is None else (row["entity_version"], row["index"])
        found[id] = Command(id, step, row["generation"], places.get(id, place))
    for row in outbox:
        id = str(row["id"])
        step = Step(row["system"], row["key"], row["operation"], row["line"])
        found[id] = Command(id, step, row["generation"], (row["entity_version"], row["index"]))
    return tuple(found.values())


def _unsettled(row: asyncpg.Record) -> Unsettled:
    amount = Decimal(json.loads(row["body"]).get("amount", "0"))
    return Unsettled(str(row["id"]), (row["entity_version"], row["index"]), row["state"] == "parked", amount)


def _effect(row: Json) -> Effect:
    return Effect(
        str(row["system"]),
        str(row["operation"]),
        str(row["key"]),
        str(row["reference"]),
        str(row["idempotency_key"]),
        str(row["body_hash"]),
        Decimal(str(row["amount"] or "0")),
    )


def _in_queues(world: World) -> int:
    """Messages in all queues, ready or unacked, but for the one whose purpose is to keep some."""
    told = world.rabbitmq.control("-q", "list_queues", "name", "messages", "--no-table-headers")
    counts = {name: int(count) for name, count in (line.split() for line in told.splitlines())}
    return sum(count for name, count in counts.items() if name != WATERMARK)


class _Logged:
    """What the logs of all processes say."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.dead_tasks: list[str] = []


def _logged(world: World) -> _Logged:
    found = _Logged()
    for gateway in world.firm.started:
        for line in gateway.log.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a line cut short by a kill, or the words of a start that was refused
            if event["event"] == "task_died":
                found.dead_tasks.append(event["task"])
            elif event["event"] in LOGGED:
                found.counts[LOGGED[event["event"]]] += 1
    return found


def _counts(world: World, logged: _Logged) -> dict[str, int]:
    counted = sum((slot.counted() for slot in world.slots), Counter[str]())
    return {
        "duplicates suppressed": counted["duplicates"],
        "batches without an answer": counted["store_lost"],
        **{name: logged.counts[name] for name in LOGGED.values()},
        "process starts": sum(slot.starts for slot in world.slots),
        "recoveries": sum(slot.recoveries for slot in world.slots),
    }
