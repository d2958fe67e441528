"""`tallystick apikey`: keys of programs that ask the API, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from gateway.callers import Bundle, Permission
from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows
from gateway.cli.remote import remote, remote_options

KEYS: Final = "/v1/api-keys"
COLUMNS: Final = ("id", "name", "permissions", "entities", "legal_entities", "by", "expires_at", "revoked_at")
MOST: Final = 100_000


@click.group()
def apikey() -> None:
    """Make, list, and revoke keys of programs.

    Asks a gateway that runs, by its API. Each act names its reason, which is kept.
    """


@apikey.command()
@click.argument("name")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    required=True,
    type=click.Choice([each.value for each in (*Permission, *Bundle)]),
    help="What it may do, or a bundle of that, and no more than you may; give it once for each.",
)
@click.option("--entity", "entities", multiple=True, help="What it reaches, such as timesheet.  [default: all]")
@click.option("--legal-entity", "legal_entities", multiple=True, help="Whose it reaches.  [default: all]")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="For how long it counts.")
@click.option("--reason", required=True, help="Why; kept in the audit.")
@remote_options
@output_option
def make(
    name: str, days: int, reason: str, url: str | None, token_file: Path | None, output: str,
    **scope: tuple[str, ...],
) -> None:  # fmt: skip
    """Make the key NAME, and print it, once: only its digest is kept."""
    some = {part: list(names) for part, names in scope.items() if names}
    asked = {"name": name, "days": days, "reason": reason, **some}
    told = remote(url, token_file).send("POST", KEYS, asked).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(told["key"])
        click.echo(f"Key {told['id']}, {name}, until {told['expires_at']}; it is not shown again.", err=True)


@apikey.command("list")
@click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(most: int, url: str | None, token_file: Path | None, output: str) -> None:
    """List keys, the newest first, also those that expired or were revoked."""
    items = remote(url, token_file).all(KEYS, most)
    show_rows(output, items, COLUMNS, [[_cell(item, name) for name in COLUMNS] for item in items])


@apikey.command()
@click.argument("id", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; kept in the audit.")
@remote_options
@output_option
def revoke(id: int, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Let the key with the number ID count no more, from now on and for ever."""
    told = remote(url, token_file).delete(f"{KEYS}/{id}", reason=reason).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Key {id}, {told['name']}: revoked by {told['revoked_by']} at {told['revoked_at']}.")


def _cell(item: Mapping[str, Any], name: str) -> str:
    value = item[name]
    match name, value:
        case (("entities" | "legal_entities"), None):
            return "all"
        case _, list():
            return ", ".join(value) or "none"
        case _:
            return "" if value is None else str(value)
