"""`tallystick approval`: allow once what another person asks for, over the API of a gateway that runs."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json
from gateway.cli.remote import remote, remote_options


@click.group()
def approval() -> None:
    """Allow what is so large that the policy wants a second person."""


@approval.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept in the audit.")
@remote_options
@output_option
def give(name: str, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Allow NAME, as the refusal told it to whoever asks: look with them at what they ask for.

    It counts once, for 24 hours, and for that person and that request alone.
    """
    if not (name.isascii() and name.isalnum()):
        raise click.UsageError("NAME: write the 64 hex digits that the refusal told")
    told = remote(url, token_file).send("POST", f"/v1/approvals/{name}", {"reason": reason}).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Allowed once: {name}. Whoever asked for it sends the same again within 24 hours.")
