"""From records of PostgreSQL to the rows that the API shows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import asyncpg
import orjson

from adapters.ports.letters import LetterState
from adapters.ports.replays import Phase
from adapters.ports.views import (
    CaseCount,
    CommandCount,
    DeadLetterRow,
    LaneCount,
    LaneRow,
    MessageRow,
    ParkedCommand,
    ReplayCount,
    SendState,
    ShownLetter,
    StatusReport,
    UnsettledCommands,
)
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, LaneState, Verdict


def message_row(record: asyncpg.Record) -> MessageRow:
    """A record of one of the `read_message` statements."""
    return MessageRow(
        record["ref"], record["source"], record["event_id"], record["type"], record["entity"], record["key"],
        Verdict(record["verdict"]), record["reason"], record["attempts"], record["position"], record["received_at"],
        record["bytes"],
    )  # fmt: skip


def lane_row(record: asyncpg.Record) -> LaneRow:
    """A record of `read_lanes`."""
    return LaneRow(
        record["entity"], record["key"], LaneState(record["lane_state"]), record["lane_depth"], record["head"],
        record["lane_reason"], record["lane_since"], record["retry_at"],
        _key(record["wait_entity"], record["wait_key"]), _key(record["bound_entity"], record["bound_key"]),
        record["entity_version"], record["oldest"], _parked(record), _sending(record),
        _blocked(record),
    )  # fmt: skip


def dead_letter_row(record: asyncpg.Record) -> DeadLetterRow:
    """A record of `read_dead_letters`, or of `read_dead_letter`, which has headers."""
    values = (
        record["digest"], LetterState(record["state"]), record["first_at"], record["last_at"], record["seen"],
        record["queue"], record["routing_key"], record["user_id"], FailureClass(record["failure_class"]),
        record["code"], record["reason"], record["content_type"], record["is_cut"], record["bytes"],
        record["settled_at"], record["settled_by"], record["settled_reason"],
    )  # fmt: skip
    if "headers" in record:
        return ShownLetter(*values, orjson.loads(record["headers"]))
    return DeadLetterRow(*values)


def status_report(records: Sequence[asyncpg.Record]) -> StatusReport:
    """The records of `read_status`."""
    kinds = ("conflict", "command", "parked", "dead_letter", "notice")
    counts: dict[str, dict[str, int]] = {what: {} for what in kinds}
    lanes: list[LaneCount] = []
    cases: list[CaseCount] = []
    replays: list[ReplayCount] = []
    at = next(record["since"] for record in records if record["what"] == "now")
    for record in records:
        match record["what"]:
            case "lane":
                state = LaneState(record["state"])
                lanes.append(LaneCount(record["name"], state, record["many"], int(record["inside"]), record["since"]))
            case "case":
                cases.append(CaseCount(FailureClass(record["name"]), record["state"], record["many"]))
            case "replay":
                replays.append(ReplayCount(Phase(record["state"]), record["many"], int(record["inside"])))
            case "now":
                pass
            case what:
                counts[what][record["name"] or ""] = record["many"]
    return StatusReport(
        at,
        tuple(lanes),
        counts["conflict"][""],
        tuple(CommandCount(name, many, counts["parked"].get(name, 0)) for name, many in counts["command"].items()),
        tuple(cases),
        counts["dead_letter"][""],
        counts["notice"][""],
        tuple(replays),
    )


def _key(entity: str | None, key: str | None) -> ActorKey | None:
    return None if entity is None or key is None else ActorKey(entity, key)


def _parked(record: asyncpg.Record) -> tuple[ParkedCommand, ...]:
    if record["ids"] is None:
        return ()
    columns = (
        record["ids"],
        record["systems"],
        record["operations"],
        record["refs"],
        record["reasons"],
        record["tries"],
    )
    return tuple(ParkedCommand(*values) for values in zip(*columns, strict=True))


def _blocked(record: asyncpg.Record) -> dict[str, Decimal]:
    return dict(zip(record["currencies"] or (), record["amounts"] or (), strict=True))


def _sending(record: asyncpg.Record) -> tuple[UnsettledCommands, ...]:
    if record["send_ids"] is None:
        return ()
    names = (
        "systems",
        "depths",
        "ids",
        "operations",
        "refs",
        "states",
        "reasons",
        "since",
        "due",
        "attempts",
        "overdue",
        "found_references",
        "found_ids",
    )
    columns = [record[f"send_{name}"] for name in names]
    return tuple(
        UnsettledCommands(system, depth, head, operation, reference, SendState(state), *rest)
        for system, depth, head, operation, reference, state, *rest in zip(*columns, strict=True)
    )
