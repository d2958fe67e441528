"""The work on replays on PostgreSQL: plans are made, lanes let go on, and what came of it is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from adapters.ports.replays import (
    ROOM,
    Fate,
    Landed,
    Look,
    Mode,
    Outlook,
    Phase,
    Planned,
    Prediction,
    Progress,
    Released,
    Relied,
    Replay,
    Sent,
)
from adapters.ports.turns import LaneMessage, Message
from adapters.postgres.connection import SETTINGS, Link
from adapters.postgres.errors import read_error
from adapters.postgres.positions import LEAVE
from adapters.postgres.replay_texts import outcomes_text, outlook_text, prediction_text, relied_text
from adapters.postgres.replays import read_replay
from schemas.commands import BY_REFERENCE, Command
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

_HOLD = "SELECT pg_try_advisory_lock(hashtextextended('tallystick.replay', 0))"
_DECIDING = "SELECT * FROM tallystick.replay WHERE ended_at IS NULL AND phase = 'deciding' ORDER BY id LIMIT 1"
_PLANNED = "SELECT * FROM tallystick.replay_planned($1, $2, $3, $4, $5, $6)"
_PREDICTED = "SELECT * FROM tallystick.predict_replay($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_READY = """
    UPDATE tallystick.replay SET
        phase = 'ready', outlook = $3, policy = $4, token = $5, expires_at = now() + make_interval(secs => $6),
        version = version + 1
    WHERE id = $1 AND version = $2 AND phase = 'deciding' RETURNING *
"""
_STARTED = """
    SELECT * FROM tallystick.replay WHERE ended_at IS NULL AND phase IN ('running', 'paused', 'cancelling') ORDER BY id
"""
_RELEASE = "SELECT (r.job).*, r.entities, r.ids FROM tallystick.release_replay($1, $2, $3, $4, $5) r"
_SENT = "SELECT * FROM tallystick.sent_planned($1, $2, $3)"
_RESEND = "SELECT (r.job).*, r.entities, r.ids FROM tallystick.release_sent($1, $2, $3, $4, $5) r"
_LOOK_AT_SENT = "SELECT * FROM tallystick.look_at_sent($1, $2)"
_LOOK = "SELECT * FROM tallystick.look_at_replay($1, $2, $3)"
_RECORD = "SELECT * FROM tallystick.record_replay($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_TURN = "SELECT tallystick.turn_replay($1, $2, $3, $4, $5)"
SECONDS = 60.0
"""For one statement: a page of a replay is never for somebody who waits."""


class PostgresReplayWork:
    """Ports `PlanWork` and `JobWork`, each over a connection of its own: a long page of a plan keeps no replay waiting.

    The session of the second one holds the worker's lock.
    """

    def __init__(self, url: str) -> None:
        self._link = Link(url, timeout=SECONDS, settings={**SETTINGS, **LEAVE})
        self._plans = Link(url, timeout=SECONDS, settings={**SETTINGS, **LEAVE})
        self._held_on: object = None
        """The connection that holds the lock; with it the lock is lost."""

    async def hold(self) -> bool:
        try:
            async with self._link as connection:
                if self._held_on is not connection:
                    self._held_on = connection if await connection.fetchval(_HOLD) else None
                return self._held_on is connection
        except Exception as error:
            raise read_error(error) from error

    async def deciding(self) -> Replay | None:
        return _first(await self._plan(_DECIDING))

    async def planned(
        self, id: int, *, after: int, keys: Collection[ActorKey] | None, limit: int, room: int = ROOM
    ) -> list[Planned]:
        named = [None, None] if keys is None else [[key[part] for key in keys] for part in range(2)]
        return [_planned(record) for record in await self._plan(_PLANNED, id, after, *named, limit, room)]

    async def sent(self, id: int, *, after: int, limit: int) -> list[Sent]:
        return [_sent(record) for record in await self._plan(_SENT, id, after, limit)]

    async def predicted(
        self, replay: Replay, predictions: Mapping[int, Prediction], relied: Sequence[Relied], *, decided: int
    ) -> Replay | None:
        found = predictions.values()
        return _first(
            await self._plan(
                _PREDICTED, replay.id, replay.version, list(predictions), [each.verdict for each in found],
                [each.code for each in found], [prediction_text(each) for each in found],
                [each.key.entity for each in relied], [each.key.id for each in relied],
                [relied_text(each) for each in relied], decided,
            )
        )  # fmt: skip

    async def ready(
        self, replay: Replay, outlook: Outlook, *, policy: str | None, token: str, seconds: float
    ) -> Replay | None:
        text = outlook_text(outlook)
        return _first(await self._plan(_READY, replay.id, replay.version, text, policy, token, seconds))

    async def give_up(self, replay: Replay, why: str) -> None:
        await self._plan(_TURN, replay.id, replay.version, Phase.CANCELLED, "cancel", why)

    async def started(self) -> list[Replay]:
        return [read_replay(record) for record in await self._fetch(_STARTED)]

    async def release(self, replay: Replay, *, allow: int, most: int, moving: bool) -> Released | None:
        text = _RESEND if replay.chosen.mode is Mode.SENT else _RELEASE
        found = await self._fetch(text, replay.id, replay.version, allow, most, moving)
        if not found:
            return None
        [row] = found
        return Released(read_replay(row), list(map(ActorKey, row["entities"], row["ids"])))

    async def look(self, replay: Replay, *, limit: int, final: bool) -> Look:
        if replay.chosen.mode is Mode.SENT:
            rows = await self._fetch(_LOOK_AT_SENT, replay.id, limit)
        else:
            rows = await self._fetch(_LOOK, replay.id, limit, final)
        landed = [_landed(row) for row in rows if row["number"] is not None]
        return Look(landed, rows[0]["moving"], rows[0]["resting"])

    async def record(self, replay: Replay, fates: Sequence[Fate], progress: Progress) -> Replay | None:
        return _first(
            await self._fetch(
                _RECORD, replay.id, replay.version, [each.number for each in fates],
                [each.outcome for each in fates], [each.verdict for each in fates], [each.code for each in fates],
                [each.reason for each in fates], progress.settled, progress.failed, outcomes_text(progress.outcomes),
            )
        )  # fmt: skip

    async def stop(self, replay: Replay, why: str) -> None:
        await self._fetch(_TURN, replay.id, replay.version, Phase.PAUSED, "pause", why)

    async def end(self, replay: Replay) -> None:
        phase = Phase.CANCELLED if replay.phase is Phase.CANCELLING else Phase.DONE
        await self._fetch(_TURN, replay.id, replay.version, phase, "end", phase)

    async def close(self) -> None:
        """Close the connections, and hold nothing any more."""
        await self._plans.close()
        await self._link.close()

    async def _plan(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        return await self._fetch(text, *arguments, link=self._plans)

    async def _fetch(self, text: str, *arguments: object, link: Link | None = None) -> list[asyncpg.Record]:
        try:
            async with link or self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _first(records: Sequence[asyncpg.Record]) -> Replay | None:
    return read_replay(records[0]) if records else None


def _planned(record: asyncpg.Record) -> Planned:
    message = Message(
        record["ref"], record["source"], record["event_id"], record["type"], record["body_hash"], record["body"],
        record["series"], record["sequence"],
    )  # fmt: skip
    standing = LaneMessage(message, record["position"], Verdict.QUEUED, record["attempts"])
    return Planned(record["number"], ActorKey(record["entity"], record["key"]), standing, record["kills"])


def _sent(record: asyncpg.Record) -> Sent:
    key, is_kept = ActorKey(record["entity"], record["key"]), record["body"] is not None
    command = Command(
        record["id"], record["system"], record["operation"], key, record["line"] or "", record["generation"] or 0,
        record["body"] or BY_REFERENCE, record["reference"],
    )  # fmt: skip
    return Sent(record["number"], command, is_kept)


def _landed(record: asyncpg.Record) -> Landed:
    predicted, verdict = (
        None if record[name] is None else Verdict(record[name]) for name in ("predicted", "verdict")
    )  # fmt: skip
    return Landed(
        record["number"], predicted, record["predicted_code"], verdict, record["code"], record["reason"],
        record["why"], tuple(record["moved"]),
    )  # fmt: skip
