"""`tallystick approve`: a second person allows what another has asked for, over the API of a gateway that runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json
from gateway.cli.remote import remote, remote_options


@click.command()
@click.argument("what")
@click.option("--reason", required=True, help="Why; kept in the audit.")
@remote_options
@output_option
def approve(what: str, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Allow once what another person was refused as too large for one: WHAT are the 64 digits that they were told.

    Cases are approved by `case approve`.
    """
    told = remote(url, token_file).send("POST", f"/v1/approvals/{quote(what, safe='')}", {"reason": reason}).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"{what} is allowed once, within 24 hours of being asked for.")
