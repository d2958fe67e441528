"""`tallystick message`: what came in and what became of it, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from schemas.verdicts import Verdict

LIST: Final = ("ref", "received_at", "source", "id", "type", "key", "verdict", "reason")
MOST: Final = 100_000
_STORED: Final = [verdict.value for verdict in Verdict if verdict is not Verdict.DEAD_LETTER]


@click.group()
def message() -> None:
    """Show messages: what came in, and what became of it.

    Asks a gateway that runs, by its API.
    """


@message.command("list")
@click.option("--source", metavar="TEXT", help="From one CloudEvents source.")
@click.option("--id", metavar="TEXT", help="With the id that their source gave them.")
@click.option("--verdict", type=click.Choice(_STORED), help="What became of them.")
@click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, most: int, output: str, **asked: str | None) -> None:
    """List messages, the newest first."""
    items = remote(url, token_file).all("/v1/messages", most, **asked)
    show_rows(output, items, LIST, [_row(item) for item in items])


@message.command()
@click.argument("ref", type=click.UUID)
@remote_options
@output_option
def show(ref: object, url: str | None, token_file: Path | None, output: str) -> None:
    """Show the message with the reference REF, without its body."""
    told = remote(url, token_file).get(f"/v1/messages/{ref}").content
    if output == JSON:
        show_json(told)
    else:
        show_table(["", ""], [(name, "–" if value is None else str(value)) for name, value in told.items()])


@message.command()
@click.argument("ref", type=click.UUID)
@click.option("--reason", required=True, help="Why you need to see it; kept in the audit, with your name.")
@remote_options
def payload(ref: object, reason: str, url: str | None, token_file: Path | None) -> None:
    """Print the event of the message REF as it was taken in. It may be about people."""
    told = remote(url, token_file).get(f"/v1/messages/{ref}/payload", reason=reason).content
    click.echo(told)


def _row(item: Mapping[str, Any]) -> list[str]:
    return [
        item["ref"], item["received_at"], item["source"], item["id"], item["type"], f"{item['entity']}/{item['key']}",
        item["verdict"], item["reason"] or "",
    ]  # fmt: skip
