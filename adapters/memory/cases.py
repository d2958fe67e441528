"""Cases in memory."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import orjson

from adapters.memory.notices import case_notice
from adapters.memory.rows import Act as Audited
from adapters.memory.rows import CaseChange, Clicked
from adapters.memory.rows import CaseRow as Stored
from adapters.memory.tables import Clock, Tables
from adapters.ports.api_keys import KEY_PREFIX
from adapters.ports.cases import (
    Begun,
    CaseAct,
    CaseChanged,
    CaseFile,
    CaseFilter,
    CaseGroup,
    CaseNote,
    CaseNotFound,
    CaseRow,
    CaseStands,
    Click,
    ClickReused,
    Closed,
    Edit,
    GroupPlace,
    Outcome,
    Standing,
    act_event_id,
    act_id,
    fingerprint,
)
from adapters.ports.reach import EVERYWHERE
from schemas.acts import Act
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

PEOPLE: Final = "tallystick:people"


class MemoryCases:
    """Ports `Cases` and `CaseActs`. Times are the clock's, read as seconds since 1970."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def find(self, chosen: CaseFilter, *, after: int, limit: int) -> list[CaseRow]:
        return [row for row in self._chosen(chosen) if row.id > after][:limit]

    async def groups(self, chosen: CaseFilter, *, after: GroupPlace | None, limit: int) -> list[CaseGroup]:
        rows: dict[tuple[str, str | None], list[CaseRow]] = defaultdict(list)
        for row in self._chosen(chosen):
            rows[row.fingerprint, row.owner].append(row)
        groups = sorted((_group(members) for members in rows.values()), key=lambda group: _order(group.place))
        if after is not None:
            groups = [group for group in groups if _order(group.place) > _order(after)]
        return groups[:limit]

    async def file(self, id: int) -> CaseFile:
        row = self._row(id)
        acts = (
            CaseAct(_moment(each.at), each.click.actor, each.click.act, each.click.reason, each.outcome, each.told)
            for each in row.acts
        )
        return CaseFile(_shown(row), self._standing(row), tuple(row.notes), tuple(acts), self._editors(row.key))

    async def remind(self, *, page: int) -> int:
        now, rows = self._clock(), [row for row in self._tables.cases if row.is_open]
        reminded = [row for row in rows if not row.is_reminded and (row.remind_at or now + 1) <= now][:page]
        warned = [row for row in rows if not row.is_warned and (row.due_at or now + 1) <= now][:page]
        for row in reminded:
            row.is_reminded = True
        for row in warned:
            row.is_warned = True
        changes = [
            *(CaseChange("reminded", row) for row in reminded),
            *(CaseChange("overdue", row) for row in warned),
        ]
        self._tables.tell([], map(case_notice, changes))
        return len(changes)

    async def end_acts(self, *, page: int) -> int:
        said = {each.message.id: each for each in self._tables.inbox.values() if each.message.source == PEOPLE}
        ended = 0
        for row in self._tables.cases:
            for act in row.acts:
                by, id = act.click.actor, act_id(row.id, act.id)
                found = said.get(act_event_id(row.key.entity, row.key.id, by, id))
                if act.outcome is None and found is not None and found.verdict.is_final and ended < page:
                    is_applied = found.verdict is Verdict.APPLIED
                    act.outcome = Outcome.DONE if is_applied else Outcome.IGNORED
                    act.told = found.verdict if found.reason is None else f"{found.verdict}: {found.reason}"
                    ended += 1
        return ended

    async def edit(self, id: int, edit: Edit, *, version: int, actor: str) -> None:
        row = self._row(id)
        if row.version != version:
            raise CaseChanged(f"case {id} is not as it was: look at it again")
        row.version += 1
        if edit.assigns:
            row.assignee = edit.assignee
            self._audit(row, actor, "assign", "to nobody" if edit.assignee is None else f"to {edit.assignee}")
        if edit.note is not None:
            row.notes.append(CaseNote(_moment(self._clock()), actor, edit.note))
            self._audit(row, actor, "note", edit.note)

    async def again(self, id: int, click: Click) -> Begun | None:
        for each in (each for row in self._tables.cases if row.id == id for each in row.acts):
            if click.key is not None and (each.click.actor, each.click.key) == (click.actor, click.key):
                if _asked(each.click) != _asked(click):
                    raise ClickReused(f"the key {click.key} belongs to another act on case {id}")
                roles, seen = each.click.roles, each.seen
                return Begun(each.id, roles, seen, is_again=True, outcome=each.outcome, told=each.told)
        return None

    async def begin(self, id: int, click: Click, *, version: int | None = None) -> Begun:
        row, before = self._row(id), await self.again(id, click)
        if before is not None:
            return before
        if version not in (None, row.version):
            raise CaseChanged(f"case {id} is not as it was: look at it again")
        self._tables.last_click += 1
        seen = row.opened.case.asks
        row.acts.append(Clicked(self._tables.last_click, self._clock(), click, seen))
        self._audit(row, click.actor, click.act, click.reason)
        return Begun(self._tables.last_click, click.roles, seen)

    async def end(self, begun: Begun, outcome: Outcome, told: str) -> None:
        for row in self._tables.cases:
            for each in row.acts:
                if each.id == begun.id:
                    each.outcome, each.told = outcome, told

    async def resolve(self, id: int, *, actor: str) -> None:
        row, standing = self._row(id), self._standing(self._row(id))
        if not row.is_open:
            raise CaseStands(f"case {id} is closed already")
        is_elsewhere = row.opened.case.topic is not None or row.key.entity in ("system", "restore")
        if is_elsewhere or standing.position is not None or standing.command is not None:
            raise CaseStands(f"what case {id} is about still stands")
        self._tables.tell([], map(case_notice, self._tables.close([row], Closed.RESOLVED, actor)))

    async def close(self) -> None:
        """Nothing to close."""

    def _row(self, id: int) -> Stored:
        for row in self._tables.cases:
            if row.id == id:
                return row
        raise CaseNotFound(f"there is no case {id}")

    def _chosen(self, chosen: CaseFilter) -> list[CaseRow]:
        return [
            row
            for row in map(_shown, self._tables.cases)
            if _is_chosen(row, chosen)
            and (chosen.within == EVERYWHERE or chosen.within.covers(row.entity, self._legal_entity(row)))
        ]

    def _legal_entity(self, row: CaseRow) -> str | None:
        """That of the state of the case's key."""
        state = self._tables.row(ActorKey(row.entity, row.key)).state
        found = None if state is None else orjson.loads(state).get("legal_entity")
        return found if isinstance(found, str) else None

    def _standing(self, row: Stored) -> Standing:
        accepted = None if row.opened.ref is None else self._tables.inbox.get(row.opened.ref)
        command = None if row.opened.command_id is None else self._tables.outbox.get(row.opened.command_id)
        state = None if command is None else "parked" if command.is_parked else "open"
        if accepted is None:
            return Standing(command=state)
        is_head = accepted.position is not None and self._tables.lane(accepted.key)[0] is accepted
        return Standing(accepted.verdict, accepted.position, is_head, state)

    def _editors(self, key: ActorKey) -> frozenset[str]:
        makers = {f"{KEY_PREFIX}{each.name}": each.by for each in self._tables.api_keys.values()}
        edited = {act.actor for act in self._tables.audit if act.key == key and act.action == "message.edit"}
        by_keys = {
            each.click.actor
            for row in self._tables.cases
            for each in row.acts
            if row.key == key and each.click.act is Act.EDIT_RETRY and each.click.actor in makers
            and each.outcome in (None, Outcome.DONE)
        }  # fmt: skip
        return frozenset(makers.get(actor, actor) for actor in edited | by_keys)

    def _audit(self, row: Stored, actor: str, what: str, reason: str) -> None:
        line = Audited(actor, f"case.{what}", row.key, row.opened.ref, f"case {row.id}: {reason}", self._clock())
        self._tables.record(line)


def _asked(click: Click) -> tuple[str, str, bytes | None]:
    """What a click asks for. As JSON, because Python takes 1, 1.0, and True for the same."""
    changes = None if click.changes is None else orjson.dumps(dict(click.changes), option=orjson.OPT_SORT_KEYS)
    return click.act, click.reason, changes


def _shown(row: Stored) -> CaseRow:
    opened, case, failure = row.opened, row.opened.case, row.opened.case.failure
    how, by = row.closed or (None, None)
    return CaseRow(
        row.id, row.version, row.key.entity, row.key.id, case.topic, opened.ref, opened.command_id,
        failure.failure_class, failure.code, failure.field, opened.system, failure.reason,
        fingerprint(failure.failure_class, failure.code, opened.system, failure.field), case.owner, row.assignee,
        case.acts, dict(sorted(case.money.items())), row.count, row.reopened, _moment(row.first_at),
        _moment(row.opened_at), _moment_or_none(row.remind_at), _moment_or_none(row.due_at),
        _moment_or_none(row.closed_at), how, by,
    )  # fmt: skip


def _is_chosen(row: CaseRow, chosen: CaseFilter) -> bool:
    owned = chosen.owned
    return (
        (row.closed_at is None) is chosen.is_open
        and chosen.failure_class in (None, row.failure_class)
        and (owned is None or row.owner == owned.role or (row.owner is None and row.failure_class in owned.classes))
        and chosen.assignee in (None, row.assignee)
        and chosen.entity in (None, row.entity)
        and chosen.key in (None, row.key)
        and chosen.fingerprint in (None, row.fingerprint)
    )


def _group(members: list[CaseRow]) -> CaseGroup:
    oldest = min(members, key=lambda row: (row.opened_at, row.id))
    money = defaultdict[str, Decimal](Decimal)
    for row in members:
        for currency, amount in row.money.items():
            money[currency] += amount
    return CaseGroup(
        oldest.id, oldest.fingerprint, oldest.failure_class, oldest.code, oldest.field, oldest.system, oldest.owner,
        len(members), oldest.opened_at, dict(sorted(money.items())), oldest.reason,
    )  # fmt: skip


def _order(place: GroupPlace) -> GroupPlace:
    cases, fingerprint, named = place
    return -cases, fingerprint, named


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _moment_or_none(at: float | None) -> datetime | None:
    return None if at is None else _moment(at)
