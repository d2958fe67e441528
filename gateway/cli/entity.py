"""`tallystick entity`: all that happened to one customer, project, sheet, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from getpass import getuser

import click
import orjson
import uvloop

from adapters.ports.entities import EntityRow
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.reveals import PostgresReveals
from gateway.cli.options import JSON, database_option, output_option
from gateway.cli.output import show_json, show_table
from gateway.exits import Exit, Failed
from gateway.http.answers import written
from gateway.story import Chapter, story, versions_of
from schemas.keys import ActorKey
from schemas.personal import masked

SHOWN = 100
MOST = 10_000


@click.group()
def entity() -> None:
    """Show one entity: its state, and all that happened to it.

    Works on the database itself, so also while no gateway runs.
    """


@entity.command()
@click.argument("entity_", metavar="ENTITY")
@click.argument("key", metavar="KEY")
@click.option("--limit", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="The newest lines shown.")
@click.option("--reveal", metavar="REASON", help="Show what is about people, too. Kept in the audit, with your name.")
@database_option
@output_option
def show(entity_: str, key: str, limit: int, reveal: str | None, database_url: str, output: str) -> None:
    """Show the ENTITY with this KEY, such as `customer C-1`: the newest of what happened to it, oldest first.

    What is about people is masked. Another system's id is found as `external SYSTEM/KIND/ID`, and says what it is
    bound to.
    """
    if reveal is not None and not reveal.strip():
        raise click.UsageError("give a reason with --reveal: it is kept in the audit")
    found, chapters = uvloop.run(_read(database_url, ActorKey(entity_, key), limit, reveal))
    if found is None:
        raise Failed(Exit.NOT_FOUND, f"nobody ever named {entity_}/{key}: look at its spelling")
    shown = found.state if found.state is None or reveal is not None else masked(entity_, found.state)
    if output == JSON:
        show_json(orjson.loads(written(_as_json(found, shown, chapters))))
        return
    state = None if shown is None else orjson.dumps(orjson.loads(shown), option=orjson.OPT_INDENT_2).decode()
    rows = [("version", str(found.version)), ("state", state or "nothing was applied yet")]
    if found.bound_to is not None:
        rows.append(("bound to", str(found.bound_to)))
    rows += [("means it", external.id) for external in found.externals]
    show_table([str(found.key), ""], rows)
    click.echo()
    lines = [line for chapter in chapters for line in _lines(chapter)]
    show_table(["at", "version", "what", "of", "reason"], lines, title="Timeline")


async def _read(url: str, key: ActorKey, limit: int, reveal: str | None) -> tuple[EntityRow | None, list[Chapter]]:
    entities, reveals = PostgresEntities(url), PostgresReveals(url)
    try:
        found = await entities.entity(key)
        if found is not None and reveal is not None:
            await reveals.entity(key, actor=getuser(), reason=reveal)
        lines = await entities.timeline(key, before=None, limit=limit + 1)
        shown, older = lines[:limit], lines[limit] if len(lines) > limit else None
        after, through = versions_of(shown, older)
        asked = await entities.asked(key, after=after, through=through, limit=MOST)
        return found, story(shown, asked)[::-1]
    finally:
        await entities.close()
        await reveals.close()


def _lines(chapter: Chapter) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the timeline, and below it what was asked and answered."""
    message = chapter.message
    of = str(chapter.command or "") if message is None else f"{message.type} {message.source} {message.id}"
    policy = "" if chapter.policy is None else f" (policy {chapter.policy})"
    yield _moment(chapter.at), str(chapter.version), chapter.what, of, f"{chapter.reason or ''}{policy}"
    for asked in chapter.asked:
        yield "", "", f"  asks {asked.system}", f"{asked.operation} {asked.reference}", asked.state
        for tried in asked.attempts:
            answer = " ".join(filter(None, (tried.external_id, tried.code, tried.reason)))
            yield _moment(tried.started_at), "", f"    attempt {tried.number}", tried.ending or "no end", answer


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _as_json(found: EntityRow, state: bytes | None, chapters: list[Chapter]) -> dict[str, object]:
    return {
        "entity": found.key.entity,
        "key": found.key.id,
        "version": found.version,
        "schema": found.schema,
        "state": None if state is None else orjson.Fragment(state),
        "bound_to": found.bound_to,
        "externals": [external.id for external in found.externals],
        "timeline": chapters,
    }
