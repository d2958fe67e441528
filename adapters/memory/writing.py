"""Writing the turns of a batch that commit: inbox and claims first, then the rest, bindings, notices, and wakes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never
from uuid import UUID

import orjson

from adapters.memory.arranging import arrange
from adapters.memory.checks import bound_to, fresh, identity
from adapters.memory.notices import case_notice, facts_of
from adapters.memory.rows import Accepted, CaseChange, Happened, Standing
from adapters.memory.tables import Tables
from adapters.ports.cases import Closed
from adapters.ports.outbox import SendLane
from adapters.ports.turns import EMPTY_LANE, Settlement, Turn
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict


class Writing:
    """One commit in the making; whoever calls it has checked that everything goes through."""

    def __init__(self, tables: Tables, commit_id: UUID, policy: str | None, now: float) -> None:
        self._tables = tables
        self._commit_id = commit_id
        self._policy = policy
        self._now = now
        self._opened: list[CaseChange] = []
        self._closed: list[CaseChange] = []

    def accept(self, turn: Turn) -> None:
        """Inbox rows and claims."""
        tables = self._tables
        for judged in fresh(turn):
            accepted = Accepted(
                judged.message, turn.key, judged.verdict, self._now, None, judged.attempts, judged.reason
            )
            tables.inbox[judged.message.ref] = accepted
            tables.identities[identity(judged)] = judged.message.ref
            tables.place(accepted, turn.key, judged.position, judged.verdict)
        tables.claims.update(dict.fromkeys(turn.claims, turn.key))

    def write(self, turn: Turn) -> None:
        """The row, the verdicts of the lane, claims that end, the commands, the timeline, and the cases."""
        tables = self._tables
        self._write_row(turn)
        for judged in turn.judged:
            if judged.was is not None:
                accepted = tables.inbox[judged.message.ref]
                tables.place(accepted, turn.key, judged.position, judged.verdict)
                accepted.attempts, accepted.reason = judged.attempts, judged.reason
        for claim in turn.releases:
            if claim not in turn.claims and tables.claims.get(claim) == turn.key:
                del tables.claims[claim]
        for queued in turn.queued:
            tables.queue(Standing.of(queued, self._now))
        self._settle(turn)
        tables.timeline.extend(
            Happened(
                turn.key,
                judged.entity_version,
                judged.verdict,
                judged.message.ref,
                reason=judged.reason,
                at=self._now,
                policy=self._policy,
            )
            for judged in turn.judged
        )
        left = {judged.message.ref for judged in turn.judged if judged.was is not None and judged.position is None}
        self._closed.extend(tables.close_cases(left, Closed.SUCCEEDED))
        self._closed.extend(tables.close_topics(turn.key, turn.settles))
        changes = (tables.open_case(turn.key, opened) for opened in turn.opened)
        self._opened.extend(change for change in changes if change is not None)

    def arrange(self, turn: Turn) -> None:
        """Put the lane in order if what entered it has a number, or ends others."""
        if turn.arranges:
            arrange(
                self._tables,
                turn.key,
                {judged.message.ref for judged in turn.judged if judged.supersedes and judged.must_be_placed},
            )

    def bind(self, external: ActorKey, key: ActorKey) -> None:
        """Let an external key mean `key`, and move what waited under it behind the lane of `key`, in order."""
        tables = self._tables
        if bound_to(tables, external) is not None:
            return
        moving = tables.lane(external)
        row, own = tables.row(external), tables.row(key)
        state = orjson.dumps({"entity": key.entity, "id": key.id})
        bound = replace(
            row, row_version=row.row_version + 1, entity_version=row.entity_version + 1, state=state,
            lane=replace(EMPTY_LANE, tail=row.lane.tail),
        )  # fmt: skip
        tables.write(bound).commit_id = self._commit_id
        for position, accepted in enumerate(moving, own.lane.tail):
            tables.place(accepted, key, position, Verdict.QUEUED)
        if moving:
            longer = replace(own.lane, depth=own.lane.depth + len(moving), tail=own.lane.tail + len(moving))
            tables.write(replace(own, row_version=own.row_version + 1, lane=longer), tables.entities[key].retry_at)
        if row.cursors:
            own = tables.row(key)
            tables.entities[key].row = replace(
                own, row_version=own.row_version + (not moving), cursors={**row.cursors, **own.cursors}
            )
        arrange(tables, key, frozenset())

    def tell(self, turns: Sequence[Turn]) -> None:
        """Notices: verdicts in the order of the batch, then facts and cases."""
        self._tables.tell(
            ((judged.message.ref, judged.verdict) for turn in turns for judged in turn.judged),
            [
                *(fact for turn in turns for fact in facts_of(turn)),
                *(case_notice(change) for change in (*self._closed, *self._opened)),
            ],
        )

    def wake(self, changed: Iterable[ActorKey]) -> None:
        """Wakes for what waits on an older version of what changed."""
        tables = self._tables
        for key in changed:
            version = tables.row(key).entity_version
            if tables.sleeping(key, version):
                tables.wakes[key] = max(version, tables.wakes.get(key, 0))

    def _write_row(self, turn: Turn) -> None:
        row, lane = self._tables.row(turn.key), turn.lane
        retry_at = None if lane.retry_after is None else self._now + lane.retry_after
        state, schema = (row.state, row.schema) if turn.state is None else (turn.state, turn.schema)
        written = replace(
            row, row_version=row.row_version + 1, entity_version=turn.entity_version, state=state, schema=schema,
            lane=replace(lane, retry_after=None), cursors=row.cursors if turn.cursors is None else turn.cursors,
        )  # fmt: skip
        entity = self._tables.write(written, retry_at)
        entity.commit_id = self._commit_id
        if not lane.depth or any(judged.was is not None and judged.position is None for judged in turn.judged):
            entity.waiting_since = None
        if lane.state is LaneState.WAITING and entity.waiting_since is None:
            entity.waiting_since = self._now

    def _settle(self, turn: Turn) -> None:
        tables = self._tables
        for settled in turn.settled:
            match settled.settlement:
                case Settlement.DONE:
                    tables.unqueue(settled.command.id)
                case Settlement.PARKED:
                    standing = tables.outbox[settled.command.id]
                    standing.is_parked, standing.reason = True, settled.reason
                case _:
                    assert_never(settled.settlement)
            if settled.token is not None:
                tables.release(SendLane(settled.command.system, turn.key), settled.token)
            happened = Happened(
                turn.key,
                turn.entity_version,
                f"command_{settled.settlement}",
                None,
                settled.command.id,
                settled.reason,
                self._now,
                self._policy,
            )
            tables.timeline.append(happened)
