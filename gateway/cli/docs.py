"""`tallystick docs`: what this release does, for programs and people. Asks nothing and needs no gateway."""

from __future__ import annotations

import click

from gateway.cli.output import show_json
from gateway.exits import Exit, Failed
from gateway.http.description.asyncapi import asyncapi as described
from gateway.http.description.declared import document
from gateway.http.description.events_page import events_page
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problems_page
from schemas.catalogue import CATALOGUE, record


@click.group()
def docs() -> None:
    """Print the description of the API and of events, and pages about them."""


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
def schema(name: str | None) -> None:
    """Print the JSON Schema of NAME, such as timesheet.approved.v1, notice.case, or operation.billable.post.

    Without NAME it is a record of all of them, by which releases are compared.
    """
    if name is None:
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
def problems() -> None:
    """Print what each type of problem means, in Markdown."""
    click.echo(problems_page(), nl=False)
