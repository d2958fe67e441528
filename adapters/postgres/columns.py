"""Turns a batch into the arguments of the commit statement, one array per column, most of them as literals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from adapters.ports.turns import Batch, DataRefused, Opened, Turn
from adapters.postgres.literals import cast_from_text, literal
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

COMMIT: Final = statement("commit")
_LITERALS: Final = cast_from_text(COMMIT)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it; behind an odd number of backslashes it is the text of it."""
Column = list[object]
Reliance = tuple[int, ActorKey, int]
"""A turn by its index, a key, and the entity version that the turn's decisions saw of it."""


def commit_arguments(batch: Batch) -> list[object]:
    """The arguments of `COMMIT`. Raises `ValueError` if a key has two turns, and `DataRefused`."""
    columns = enumerate(_columns(batch.turns), start=1)
    arrays = (literal(column) if place in _LITERALS else column for place, column in columns)
    return [batch.commit_id, *arrays, batch.policy]


def _columns(turns: Sequence[Turn]) -> list[Column]:
    """The columns in the order of the statement, between the commit's id and its policy."""
    if len({turn.key for turn in turns}) != len(turns):
        raise ValueError("a batch has one turn for each key at most")
    relied = [(index, key, version) for index, turn in enumerate(turns, 1) for key, version in _reliances(turn)]
    locks, arrays = _locks(turns, relied)
    place = {key: index for index, key in enumerate(locks, 1)}
    return [
        *arrays, [place[turn.key] for turn in turns], *_turns(turns), *_relied(relied, place), *_messages(turns),
        *_claims(turns), *_releases(turns), *_binds(turns), *_queued(turns), *_settled(turns), *_opened(turns),
        *_ended_topics(turns), *_notices(turns),
    ]  # fmt: skip


def _reliances(turn: Turn) -> Iterator[tuple[ActorKey, int]]:
    """What must not have moved: what the decisions relied on, and what a lane newly waits for."""
    yield from turn.relied.items()
    target, seen = turn.lane.target, turn.lane.seen
    is_new = (target, seen) != (turn.row.lane.target, turn.row.lane.seen)
    if is_new and target is not None and seen is not None and turn.relied.get(target) != seen:
        yield target, seen


def _locks(turns: Sequence[Turn], relied: Sequence[Reliance]) -> tuple[list[ActorKey], list[Column]]:
    """Every row to lock, sorted, each once and in its strongest mode, in runs of one mode; True marks exclusive."""
    modes: dict[ActorKey, bool] = {}
    fresh: dict[ActorKey, bool] = {}
    for _, key, version in relied:
        modes[key] = False
        fresh[key] = version == 0 or fresh.get(key, False)
    for turn in turns:
        modes[turn.key] = True
        fresh[turn.key] = turn.row.row_version == 0 or fresh.get(turn.key, False)
        for external in turn.binds:
            modes[external] = True
            fresh[external] = True
    keys = sorted(modes)
    ends: Column = []
    exclusive: Column = []
    for index, key in enumerate(keys, 1):
        if exclusive and exclusive[-1] == modes[key]:
            ends[-1] = index
        else:
            ends.append(index)
            exclusive.append(modes[key])
    return keys, [[k.entity for k in keys], [k.id for k in keys], [fresh[k] for k in keys], ends, exclusive]


def _turns(turns: Sequence[Turn]) -> list[Column]:
    rows = [
        (
            turn.key.entity, turn.key.id, turn.row.row_version, turn.entity_version,
            _state(turn), turn.schema,
            lane.state, lane.depth, lane.tail, lane.reason, lane.retry_after,
            lane.target and lane.target.entity, lane.target and lane.target.id, lane.seen, lane.patience,
            lane.paused_by, _cursors(turn),
            any(judged.was is not None and judged.position is None for judged in turn.judged),
            turn.row.lane.tail if turn.arranges else None,
        )
        for turn in turns
        for lane in (turn.lane,)
    ]  # fmt: skip
    return _transposed(rows, 19)


def _state(turn: Turn) -> str | None:
    """The state, if it has changed. Raises `DataRefused` for the one character that a text of the database cannot have.

    The column would keep it as it is written, and the first statement that looks into the state would fail.
    """
    if turn.state is None:
        return None
    if b"\\u0000" in turn.state and _NUL.search(turn.state):
        raise DataRefused(f"the state of {turn.key} has a character U+0000")
    return turn.state.decode()


def _cursors(turn: Turn) -> str | None:
    """How far the numbered events have come, if that has changed."""
    return None if turn.cursors is None else orjson.dumps(turn.cursors).decode()


def _relied(relied: Sequence[Reliance], place: dict[ActorKey, int]) -> list[Column]:
    return _transposed([(index, place[key], version) for index, key, version in relied], 3)


def _messages(turns: Sequence[Turn]) -> list[Column]:
    rows = [
        (
            index, turn.key.entity, turn.key.id, judged.message.ref, judged.message.source, judged.message.id,
            judged.message.type, judged.message.body_hash, judged.verdict, judged.was, judged.position,
            judged.attempts, judged.reason, judged.entity_version, judged.message.body, judged.message.series,
            judged.message.sequence, judged.supersedes and judged.must_be_placed,
        )
        for index, turn in enumerate(turns, 1)
        for judged in turn.judged
    ]  # fmt: skip
    return _transposed(rows, 18)


def _claims(turns: Sequence[Turn]) -> list[Column]:
    rows = [(index, claim.scope, claim.value) for index, turn in enumerate(turns, 1) for claim in turn.claims]
    return _transposed(rows, 3)


def _releases(turns: Sequence[Turn]) -> list[Column]:
    rows = [(index, claim.scope, claim.value) for index, turn in enumerate(turns, 1) for claim in turn.releases]
    return _transposed(rows, 3)


def _binds(turns: Sequence[Turn]) -> list[Column]:
    return _transposed([(index, key.id) for index, turn in enumerate(turns, 1) for key in turn.binds], 2)


def _queued(turns: Sequence[Turn]) -> list[Column]:
    rows = [
        (
            index, turn.key.entity, turn.key.id, command.id, command.system, command.operation, command.line,
            command.generation, command.reference, command.body, queued.entity_version, queued.index,
        )
        for index, turn in enumerate(turns, 1)
        for queued in turn.queued
        for command in (queued.command,)
    ]  # fmt: skip
    return _transposed(rows, 12)


def _settled(turns: Sequence[Turn]) -> list[Column]:
    rows = [
        (index, settled.command.id, settled.command.system, settled.settlement, settled.token, settled.reason)
        for index, turn in enumerate(turns, 1)
        for settled in turn.settled
    ]
    return _transposed(rows, 6)


def _opened(turns: Sequence[Turn]) -> list[Column]:
    """Cases: what they are about, and the rest under the names of the table's columns."""
    rows = [
        (index, opened.ref, opened.command_id, opened.case.topic, _case(opened))
        for index, turn in enumerate(turns, 1)
        for opened in turn.opened
    ]
    return _transposed(rows, 5)


def _case(opened: Opened) -> str:
    case, failure = opened.case, opened.case.failure
    body = {
        "failure_class": failure.failure_class, "code": failure.code, "field": failure.field, "reason": failure.reason,
        "system": opened.system, "owner": case.owner, "acts": case.acts,
        "money": {currency: f"{amount:f}" for currency, amount in case.money.items()},
        "remind_after": case.remind_after, "due_after": case.due_after, "asks": case.asks,
    }  # fmt: skip
    try:
        return orjson.dumps(body).decode()
    except orjson.JSONEncodeError as error:
        raise DataRefused(f"a value has no place in the database: {error}") from error


def _ended_topics(turns: Sequence[Turn]) -> list[Column]:
    rows = [(index, topic, by) for index, turn in enumerate(turns, 1) for topic, by in turn.settles.items()]
    return _transposed(rows, 3)


def _notices(turns: Sequence[Turn]) -> list[Column]:
    """Entity facts, with their routing keys; the database tells of cases, whose ids it makes."""
    rows: list[tuple[object, ...]] = []
    for index, turn in enumerate(turns, 1):
        entity, key = turn.key
        for notice in turn.notices:
            body = {"entity": entity, "key": key, "entity_version": turn.entity_version, "fact": notice.fact,
                    "attributes": dict(notice.attributes)}  # fmt: skip
            rows.append((index, f"entity.{entity}.{notice.fact}", orjson.dumps(body).decode()))
    return _transposed(rows, 3)


def _transposed(rows: Sequence[tuple[object, ...]], width: int) -> list[Column]:
    if not rows:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*rows, strict=True)]
