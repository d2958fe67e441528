"""`tallystick docs`: what this release does, for programs and people. Asks nothing and needs no gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson

from gateway.cli.output import show_json
from gateway.exits import Exit, Failed
from gateway.http.description.asyncapi import asyncapi as described
from gateway.http.description.declared import document
from gateway.http.description.events_page import events_page
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problems_page
from gateway.runbook import index, names, page
from schemas.catalogue import CATALOGUE, record
from schemas.compatibility import breaks


@click.group()
def docs() -> None:
    """Print the description of the API and of events, pages about them, and the runbook."""


@docs.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document, which a gateway also serves at /openapi.json."""
    show_json(document())


@docs.command()
def asyncapi() -> None:
    """Print the AsyncAPI 3 document of events and notices, which a gateway also serves at /asyncapi.json."""
    show_json(described())


@docs.command()
@click.argument("name", required=False)
@click.option("--against", type=click.File("rb"), metavar="FILE", help="Say what breaks of this record, or nothing.")
def schema(name: str | None, against: BinaryIO | None) -> None:
    """Print the JSON Schema of NAME, such as timesheet.approved.v1, notice.case, or operation.billable.post.

    Without NAME it is a record of all of them, which another release can be compared --against: that ends with 1 if
    something that others rely on is there no more.
    """
    if against is not None:
        broken = breaks(_record(against), record())
        for each in broken:
            click.echo(each)
        if broken:
            raise Failed(Exit.FAILED, f"{len(broken)} promises of that release are broken: make a new version instead")
    elif name is None:
        show_json(record())
    elif name in CATALOGUE:
        show_json(CATALOGUE[name].schema)
    else:
        raise Failed(Exit.NOT_FOUND, f"there is no schema {name}; there are {', '.join(CATALOGUE)}")


@docs.command()
def events() -> None:
    """Print events and notices as a page in Markdown."""
    click.echo(events_page(described()), nl=False)


@docs.command()
def api() -> None:
    """Print the same as a page in Markdown."""
    click.echo(api_page(document()), nl=False)


@docs.command()
@click.argument("name", required=False)
@click.option("--to", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Write all there.")
def runbook(name: str | None, folder: Path | None) -> None:
    """Print the page of a failure class or of a check of readiness, in Markdown; without a NAME the list of them."""
    if folder is not None:
        for each in names():
            (folder / f"{each}.md").write_text(str(page(each)), encoding="utf-8")
        (folder / "README.md").write_text(index(), encoding="utf-8")
        return
    found = index() if name is None else page(name)
    if found is None:
        raise Failed(Exit.NOT_FOUND, f"the runbook has no page {name}: it has {', '.join(names())}")
    click.echo(found, nl=False)


@docs.command()
def problems() -> None:
    """Print what each type of problem means, in Markdown."""
    click.echo(problems_page(), nl=False)


def _record(file: BinaryIO) -> dict[str, Any]:
    """Raises `UsageError`."""
    try:
        read = orjson.loads(file.read())
        if not all(set(entry) == {"way", "schema"} for entry in read.values()):
            raise ValueError("it has other members")
    except (ValueError, AttributeError, TypeError) as error:
        raise click.UsageError(f"--against: this is no record that `docs schema` has printed: {error}") from error
    found: dict[str, Any] = read
    return found
