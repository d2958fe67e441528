"""`tallystick entity`: all that happened to one customer, project, sheet, and so on, over the API of a gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json, show_table
from gateway.cli.remote import PAGE, Remote, remote, remote_options

SHOWN: Final = 100
MOST: Final = 10_000
TIMELINE: Final = ("at", "version", "what", "of", "reason")


@click.group()
def entity() -> None:
    """Show one entity: its state, and all that happened to it.

    Asks the API of a gateway that runs.
    """


@entity.command()
@click.argument("entity_", metavar="ENTITY")
@click.argument("key", metavar="KEY")
@click.option("--most", type=click.IntRange(1, MOST), default=SHOWN, show_default=True, help="The newest lines shown.")
@click.option("--reveal", metavar="REASON", help="Show what is about people, too. Kept in the audit, with your name.")
@remote_options
@output_option
def show(
    entity_: str, key: str, most: int, reveal: str | None, url: str | None, token_file: Path | None, output: str
) -> None:
    """Show the ENTITY with this KEY, such as `customer C-1`: the newest of what happened to it, oldest first.

    What is about people is masked. Another system's id is found as `external SYSTEM/KIND/ID`, and says what it is
    bound to.
    """
    path = f"/v1/entities/{quote(entity_, safe='')}/{quote(key, safe='')}"
    found = _found(remote(url, token_file), path, most, reveal)
    if output == JSON:
        show_json(found)
        return
    state = "nothing was applied yet" if found["state"] is None else json.dumps(found["state"], indent=2)
    rows = [("version", str(found["version"])), ("state", state)]
    if found["bound_to"] is not None:
        rows.append(("bound to", "{entity}/{key}".format_map(found["bound_to"])))
    rows += [("means it", external) for external in found["externals"]]
    if found["lane"] is not None and found["lane"]["depth"]:
        rows.append(("its lane", "{state}, with {depth} messages".format_map(found["lane"])))
    show_table([f"{entity_}/{key}", ""], rows)
    click.echo()
    show_table(TIMELINE, [line for chapter in found["items"][::-1] for line in _lines(chapter)], title="Timeline")
    if found["next"] is not None:
        click.echo(f"Not shown: what was before these; --most shows more, up to {MOST}.", err=True)


def _found(api: Remote, path: str, most: int, reveal: str | None) -> dict[str, Any]:
    """The entity with its newest `most` lines, as the API answers it. It is revealed once, by the first page."""
    found: dict[str, Any] = api.get(path, limit=min(PAGE, most), reveal=reveal).content
    while found["next"] is not None and len(found["items"]) < most:
        page = api.get(path, limit=min(PAGE, most - len(found["items"])), cursor=found["next"]).content
        found["items"] += page["items"]
        found["next"] = page["next"]
    return found


def _lines(chapter: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """A line of the timeline, and below it what was asked and answered."""
    message = chapter["message"]
    of = str(chapter["command"] or "") if message is None else "{type} {source} {id}".format_map(message)
    policy = "" if chapter["policy"] is None else f" (policy {chapter['policy']})"
    reason = f"{chapter['reason'] or ''}{policy}"
    yield _moment(chapter["at"]), str(chapter["version"]), chapter["what"], of, reason
    for asked in chapter["asked"]:
        yield "", "", f"  asks {asked['system']}", f"{asked['operation']} {asked['reference']}", asked["state"]
        for tried in asked["attempts"]:
            answer = " ".join(filter(None, (tried["external_id"], tried["code"], tried["reason"])))
            number = f"    attempt {tried['number']}"
            yield _moment(tried["started_at"]), "", number, tried["ending"] or "no end", answer


def _moment(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%S}"
