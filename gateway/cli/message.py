"""`tallystick message`: correct a message, or let one run that has ended, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from gateway.cli.options import JSON, output_option, read_changes
from gateway.cli.output import show_json, show_table
from gateway.cli.remote import remote, remote_options

MESSAGES: Final = "/v1/messages"
COLUMNS: Final = ("field", "before", "after")

_REF = click.argument("ref", type=click.UUID)
_REASON = click.option("--reason", required=True, help="Why; kept in the audit.")


@click.group()
def message() -> None:
    """Correct a message, or let one run that has ended.

    Asks the API of a gateway that runs. Only what stands in a lane is corrected, and only what was discarded or is
    stale runs again. REF is the message's reference, as lanes, cases, and timelines name it.
    """


@message.command()
@_REF
@click.option(
    "--changes", required=True, metavar="JSON",
    help='What is to differ of its data: {"project": {"id": "P-2"}}; null takes a field away, and lists are replaced.',
)  # fmt: skip
@_REASON
@click.option("--dry-run", is_flag=True, help="Only check it, and show what would differ.")
@remote_options
@output_option
def edit(
    ref: object, changes: str, reason: str, url: str | None, token_file: Path | None, output: str, *, dry_run: bool
) -> None:
    """Put a corrected message in the place of message REF, which stands in a lane."""
    body = {"reason": reason, "changes": read_changes(changes), "dry_run": dry_run}
    told = remote(url, token_file).send("POST", f"{MESSAGES}/{ref}/edit", body).content
    if output == JSON:
        show_json(told)
        return
    show_table(COLUMNS, [_cells(each) for each in told["changes"]])
    click.echo("Nothing is changed: leave out --dry-run." if dry_run else f"It is message {told['edited']} now.")


@message.command()
@_REF
@_REASON
@remote_options
@output_option
def force(ref: object, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Let message REF be decided, which is stale: a newer one was applied before it came."""
    body = {"reason": reason}
    _show(remote(url, token_file).send("POST", f"{MESSAGES}/{ref}/force", body).content, output)


@message.command()
@_REF
@_REASON
@remote_options
@output_option
def undiscard(ref: object, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Let message REF, which was discarded, stand first in its lane again."""
    api = remote(url, token_file)
    lane = api.get(f"{MESSAGES}/{ref}").content
    path = f"/v1/lanes/{quote(lane['entity'], safe='')}/{quote(lane['key'], safe='')}/undiscard"
    _show(api.send("POST", path, {"reason": reason, "message": str(ref)}).content, output)


def _show(told: Mapping[str, Any], output: str) -> None:
    if output == JSON:
        show_json(told)
    else:
        lane = told["lane"]
        click.echo(f"Message {told['message']} stands first in the lane of {lane['entity']}/{lane['key']}.")


def _cells(change: Mapping[str, str | None]) -> Sequence[str]:
    return [change["path"] or "", change["before"] or "", change["after"] or ""]
