"""Replays on PostgreSQL: what operators see of them, and do about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import asyncpg

from adapters.ports.replays import (
    Chosen,
    Fate,
    Item,
    Mode,
    NothingChosen,
    Outcome,
    Phase,
    PlanExpired,
    Progress,
    Replay,
    ReplayClickReused,
    ReplayElsewhere,
    ReplayNotFound,
    ReplayTooLarge,
    Steer,
    Terms,
)
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import ReadLinks
from adapters.postgres.replay_texts import chosen_text, read_chosen, read_outcomes, read_outlook, read_prediction
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

_REPLAY = "SELECT * FROM tallystick.replay WHERE id = $1"
_NAMED = """
    SELECT *, phase = 'ready' AND expires_at <= now() AS has_expired FROM tallystick.replay WHERE token = $1
"""
_PAGE = """
    SELECT * FROM tallystick.replay
    WHERE (started_at IS NULL) = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""
_ITEMS = """
    SELECT * FROM tallystick.replay_item
    WHERE replay = $1 AND number > $2 AND ($3::text IS NULL OR outcome = $3) AND ($4::text IS NULL OR predicted = $4)
    ORDER BY number LIMIT $5
"""
_PLAN = """
    SELECT outcome, number FROM tallystick.plan_replay($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                                                       $16, $17, $18)
"""
_PLAN_SENT = "SELECT outcome, number FROM tallystick.plan_sent($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_START = "SELECT outcome, number FROM tallystick.start_replay($1, $2, $3, $4, $5, $6)"
_STEER = "SELECT tallystick.steer_replay($1, $2, $3, $4, $5, $6, $7, $8)"
_STEERED: Final = {
    Steer.PAUSE: (Phase.PAUSED, [Phase.RUNNING]),
    Steer.RESUME: (Phase.RUNNING, [Phase.PAUSED]),
    Steer.CANCEL: (Phase.CANCELLING, [Phase.RUNNING, Phase.PAUSED]),
}
"""What each leads to, and from where. A plan is cancelled at once."""


class PostgresReplays:
    """Ports `Replays` and `ReplayActs`, over connections that read and one that writes."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "replays")
        self._link = Link(url)

    async def replay(self, id: int) -> Replay | None:
        found = await self._links.fetch(_REPLAY, id)
        return read_replay(found[0]) if found else None

    async def of_token(self, token: str) -> Replay | None:
        found = await self._links.fetch(_NAMED, token)
        if found and found[0]["has_expired"]:
            raise PlanExpired(f"plan {found[0]['id']} has expired")
        return read_replay(found[0]) if found else None

    async def page(self, *, plans: bool, before: int | None, limit: int) -> list[Replay]:
        return [read_replay(record) for record in await self._links.fetch(_PAGE, plans, before, limit)]

    async def items(
        self, id: int, *, outcome: Outcome | None, predicted: Verdict | None, after: int, limit: int
    ) -> list[Item]:
        return [_item(record) for record in await self._links.fetch(_ITEMS, id, after, outcome, predicted, limit)]

    async def plan(
        self, chosen: Chosen, *, order: Sequence[str], most: int, by: str, reason: str, click: str
    ) -> Replay:
        if chosen.mode is Mode.SENT:
            what = (chosen_text(chosen), chosen.system, chosen.entity, chosen.key, chosen.since)
            said = await self._ask(_PLAN_SENT, *what, list(order), most, by, reason, click)
        else:
            said = await self._standing(chosen, order, most, by, reason, click)
        match said["outcome"]:
            case "none":
                raise NothingChosen("nothing is so")
            case "large":
                raise ReplayTooLarge(said["number"], most)
            case _:
                replay = await self._written(said["number"])
        if replay.chosen != chosen:
            raise ReplayClickReused(f"plan {replay.id} was asked for with the same key, and it is another one")
        return replay

    async def start(self, token: str, terms: Terms, *, by: str, reason: str) -> Replay:
        said = await self._ask(_START, token, terms.name, terms.rate, terms.stop_share, by, reason)
        if said["number"] is None:
            raise ReplayNotFound("no plan has this token")
        replay = await self._written(said["number"])
        match said["outcome"]:
            case "expired":
                raise PlanExpired(f"plan {replay.id} has expired")
            case "elsewhere":
                raise ReplayElsewhere(replay)
            case _:
                return replay

    async def steer(
        self, id: int, steer: Steer, *, by: str, reason: str, policy: str | None = None, seen: Phase | None = None
    ) -> Replay:
        to, sources = _STEERED[steer]
        sources = [source for source in sources if seen in (None, source)]
        said = await self._ask(_STEER, id, steer, to, sources, steer is Steer.RESUME, by, reason, policy)
        if said[0] == "absent":
            raise ReplayNotFound(f"there is no replay {id}")
        replay = await self._written(id)
        if said[0] == "elsewhere":
            raise ReplayElsewhere(replay)
        return replay

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._link.close()

    async def _standing(
        self, chosen: Chosen, order: Sequence[str], most: int, by: str, reason: str, click: str
    ) -> asyncpg.Record:
        return await self._ask(
            _PLAN, chosen_text(chosen), chosen.entity, chosen.key, chosen.type, chosen.verdict, chosen.failure_class,
            chosen.code, chosen.case, chosen.system, chosen.source, chosen.since, chosen.until, chosen.correlation,
            list(order), most, by, reason, click,
        )  # fmt: skip

    async def _written(self, id: int) -> Replay:
        return read_replay(await self._ask(_REPLAY, id))

    async def _ask(self, text: str, *arguments: object) -> asyncpg.Record:
        """The one row of a statement."""
        try:
            async with self._link as connection:
                [found] = await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error
        return found


def read_replay(record: asyncpg.Record) -> Replay:
    """A row of the table."""
    terms = Terms(record["name"], record["rate"], record["stop_share"])
    progress = Progress(
        record["released"], record["settled"], record["failed"], read_outcomes(record["outcomes"]),
        record["released_before"], record["settled_before"], record["failed_before"],
    )  # fmt: skip
    return Replay(
        record["id"], read_chosen(record["chosen"]), record["by"], record["reason"], record["planned_at"],
        Phase(record["phase"]), record["keys"], record["messages"], record["matched"], record["version"],
        record["decided"], record["policy"], record["token"], record["expires_at"], read_outlook(record["outlook"]),
        None if record["started_at"] is None else terms, record["started_by"], record["started_at"],
        record["ended_at"], progress, record["resumed_under"],
    )  # fmt: skip


def _item(record: asyncpg.Record) -> Item:
    verdict = record["verdict"]
    fate = None
    if record["outcome"] is not None:
        fate = Fate(
            record["number"], Outcome(record["outcome"]), None if verdict is None else Verdict(verdict),
            record["code"], record["reason"],
        )  # fmt: skip
    return Item(
        record["number"], record["ref"], ActorKey(record["entity"], record["key"]), record["source"],
        record["event_id"], record["type"], Verdict(record["was"]), record["is_chosen"],
        read_prediction(record["prediction"]), fate,
    )  # fmt: skip
