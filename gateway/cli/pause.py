"""`tallystick pause`: what an operator stops, and lets go on, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows
from gateway.cli.remote import remote, remote_options

PAUSES: Final = "/v1/pauses"
LIST: Final = ("id", "pauses", "by", "since", "reason")
MOST: Final = 100_000

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


def _reason(command: F) -> F:
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


@click.group()
def pause() -> None:
    """Pause keys, entities, legal entities, or everything, and end that.

    What is paused is neither decided nor sent; its messages wait in their order. A system is paused by `system pause`.
    Asks the API of a gateway that runs.
    """


@pause.command("list")
@click.option("--most", type=click.IntRange(1, MOST), default=500, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, output: str, most: int) -> None:
    """List the pauses in force, the oldest first."""
    items = remote(url, token_file).all(PAUSES, most)
    show_rows(output, items, LIST, [[str(item[name]) for name in LIST] for item in items])


@pause.command()
@click.option("--entity", help="One kind, such as timesheet.")
@click.option("--key", help="One key of it; give --entity as well.")
@click.option("--legal-entity", help="One legal entity.")
@click.option("--everything", is_flag=True, help="All there is.")
@_reason
@remote_options
@output_option
def begin(
    entity: str | None, key: str | None, legal_entity: str | None, reason: str, url: str | None,
    token_file: Path | None, output: str, *, everything: bool,
) -> None:  # fmt: skip
    """Pause what the options name."""
    chosen = {"entity": entity, "key": key, "legal_entity": legal_entity, "everything": everything or None}
    body = {"reason": reason, **{name: value for name, value in chosen.items() if value is not None}}
    told = remote(url, token_file).send("POST", PAUSES, body).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Paused: {told['pauses']}. It goes on by: tallystick pause end {told['id']} --reason …")


@pause.command()
@click.argument("id", type=click.IntRange(min=1))
@_reason
@remote_options
@output_option
def end(id: int, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """End pause ID."""
    told = remote(url, token_file).delete(f"{PAUSES}/{id}", reason=reason).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Pause {id} is ended.")
