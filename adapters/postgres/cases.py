"""Cases on PostgreSQL: each act is one function, which locks what it changes and writes the audit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import asyncpg
import orjson

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
)
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import STATEMENT_SECONDS, ReadLinks
from adapters.postgres.statements import statement
from schemas.acts import Act
from schemas.verdicts import FailureClass, Verdict

_FIND = statement("read_cases")
_SUMS = "SELECT * FROM tallystick.case_groups($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
_GROUPS = statement("read_case_groups")
_ONE = statement("read_case")
_STORY = statement("read_case_story")
_END_ACTS = "SELECT tallystick.end_acts($1)"
_REMIND = "SELECT tallystick.remind_cases($1), tallystick.draw_case_sums()"
_EDIT = "SELECT tallystick.edit_case($1, $2, $3, $4, $5, $6)"
_AGAIN = "SELECT * FROM tallystick.same_case_act($1, $2, $3, $4, $5, $6)"
_BEGIN = "SELECT * FROM tallystick.begin_case_act($1, $2, $3, $4, $5, $6, $7, $8)"
_END = "UPDATE tallystick.case_act SET outcome = $2, told = $3 WHERE id = $1"
_RESOLVE = "SELECT tallystick.resolve_case($1, $2)"


class PostgresCases:
    """Ports `Cases` and `CaseActs`, over connections that read and one that writes."""

    def __init__(self, url: str, *, timeout: float = STATEMENT_SECONDS) -> None:
        self._links = ReadLinks(url, "cases", timeout=timeout)
        self._link = Link(url)

    async def find(self, chosen: CaseFilter, *, after: int, limit: int) -> list[CaseRow]:
        found = await self._links.fetch(_FIND, *_arguments(chosen), after, limit, *_within(chosen))
        return [_case(record) for record in found]

    async def groups(self, chosen: CaseFilter, *, after: GroupPlace | None, limit: int) -> list[CaseGroup]:
        *asked, key, fingerprint = _arguments(chosen)
        entities, legal_entities = _within(chosen)
        place = after or (None, None, None)
        if key is None and legal_entities is None:
            found = await self._links.fetch(_SUMS, *asked, fingerprint, entities, *place, limit)
        else:
            found = await self._links.fetch(
                _GROUPS, *asked, key, fingerprint, entities, legal_entities, *place, limit
            )  # fmt: skip
        return [_group(record) for record in found]

    async def file(self, id: int) -> CaseFile:
        found = await self._links.fetch(_ONE, id)
        if not found:
            raise CaseNotFound(f"there is no case {id}")
        [record] = found
        verdict = None if record["verdict"] is None else Verdict(record["verdict"])
        standing = Standing(verdict, record["position"], record["is_head"], record["command"])
        story = await self._links.fetch(_STORY, id)
        notes = tuple(CaseNote(line["at"], line["actor"], line["text"]) for line in story if line["act"] is None)
        acts = tuple(_act(line) for line in story if line["act"] is not None)
        return CaseFile(_case(record), standing, notes, acts, frozenset(record["editors"]))

    async def remind(self, *, page: int) -> int:
        [found] = await self._written(_REMIND, page)
        return int(found[0])

    async def end_acts(self, *, page: int) -> int:
        [found] = await self._written(_END_ACTS, page)
        return int(found[0])

    async def edit(self, id: int, edit: Edit, *, version: int, actor: str) -> None:
        [found] = await self._written(_EDIT, id, version, edit.assigns, edit.assignee, edit.note, actor)
        match found[0]:
            case "done":
                return
            case "changed":
                raise CaseChanged(f"case {id} is not as it was: look at it again")
            case _:
                raise CaseNotFound(f"there is no case {id}")

    async def again(self, id: int, click: Click) -> Begun | None:
        found = await self._links.fetch(_AGAIN, id, *_clicked(click))
        return _begun(id, click, found[0]) if found else None

    async def begin(self, id: int, click: Click, *, version: int | None = None) -> Begun:
        found = await self._written(_BEGIN, id, *_clicked(click), list(click.roles), version)
        if not found:
            raise CaseNotFound(f"there is no case {id}")
        return _begun(id, click, found[0])

    async def end(self, begun: Begun, outcome: Outcome, told: str) -> None:
        await self._written(_END, begun.id, outcome, told)

    async def resolve(self, id: int, *, actor: str) -> None:
        [found] = await self._written(_RESOLVE, id, actor)
        match found[0]:
            case "done":
                return
            case "closed":
                raise CaseStands(f"case {id} is closed already")
            case "stands":
                raise CaseStands(f"what case {id} is about still stands")
            case _:
                raise CaseNotFound(f"there is no case {id}")

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._link.close()

    async def _written(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        """What a statement that writes answers."""
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _clicked(click: Click) -> tuple[object, ...]:
    changes = None if click.changes is None else orjson.dumps(dict(click.changes)).decode()
    return click.act, click.actor, click.reason, changes, click.key


def _begun(id: int, click: Click, record: asyncpg.Record) -> Begun:
    match record["answer"]:
        case "begun" | "again" as answer:
            outcome = None if record["outcome"] is None else Outcome(record["outcome"])
            roles, is_again = tuple(record["roles"]), answer == "again"
            return Begun(record["id"], roles, record["seen"], is_again, outcome, record["told"])
        case "changed":
            raise CaseChanged(f"case {id} is not as it was: look at it again")
        case _:
            raise ClickReused(f"the key {click.key} belongs to another act on case {id}")


def _within(chosen: CaseFilter) -> tuple[list[str] | None, list[str] | None]:
    entities, legal_entities = chosen.within.entities, chosen.within.legal_entities
    return (
        None if entities is None else sorted(entities),
        None if legal_entities is None else sorted(legal_entities),
    )


def _arguments(chosen: CaseFilter) -> tuple[object, ...]:
    owned = chosen.owned
    return (
        chosen.is_open, chosen.failure_class, owned and owned.role, list(owned.classes) if owned else [],
        chosen.assignee, chosen.entity, chosen.key, chosen.fingerprint,
    )  # fmt: skip


def _case(record: asyncpg.Record) -> CaseRow:
    return CaseRow(
        record["id"], record["version"], record["entity"], record["key"], record["topic"], record["ref"],
        record["command_id"], FailureClass(record["failure_class"]), record["code"], record["field"],
        record["system"], record["reason"], record["fingerprint"], record["owner"], record["assignee"],
        tuple(Act(act) for act in record["acts"]), _money(record["money"]), record["count"], record["reopened"],
        record["first_at"], record["opened_at"], record["remind_at"], record["due_at"], record["closed_at"],
        None if record["closed_how"] is None else Closed(record["closed_how"]), record["closed_by"],
    )  # fmt: skip


def _group(record: asyncpg.Record) -> CaseGroup:
    return CaseGroup(
        record["first"], record["fingerprint"], FailureClass(record["failure_class"]), record["code"], record["field"],
        record["system"], record["owner"], record["cases"], record["oldest"], _money(record["money"] or "{}"),
        record["reason"],
    )  # fmt: skip


def _act(record: asyncpg.Record) -> CaseAct:
    outcome = None if record["outcome"] is None else Outcome(record["outcome"])
    return CaseAct(record["at"], record["actor"], Act(record["act"]), record["reason"], outcome, record["told"])


def _money(stored: str) -> Mapping[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in sorted(orjson.loads(stored).items())}
