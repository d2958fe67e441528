"""`tallystick docs`: what this release does, for programs and people. Asks nothing and needs no gateway."""

from __future__ import annotations

import click

from gateway.cli.output import show_json
from gateway.http.description.declared import document
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problems_page


@click.group()
def docs() -> None:
    """Print the description of the API, and pages about it."""


@docs.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document, which a gateway also serves at /openapi.json."""
    show_json(document())


@docs.command()
def api() -> None:
    """Print the same as a page in Markdown."""
    click.echo(api_page(document()), nl=False)


@docs.command()
def problems() -> None:
    """Print what each type of problem means, in Markdown."""
    click.echo(problems_page(), nl=False)
