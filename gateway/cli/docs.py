"""`tallystick docs`: what this release does, for programs and people. Asks nothing and needs no gateway."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import show_json
from gateway.exits import Exit, Failed
from gateway.http.description.declared import document
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problems_page
from gateway.runbook import index, names, page


@click.group()
def docs() -> None:
    """Print the description of the API, pages about it, and the runbook."""


@docs.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document, which a gateway also serves at /openapi.json."""
    show_json(document())


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
