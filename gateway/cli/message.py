"""`tallystick message`: what came in, and letting it run anew, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from gateway.cli.options import JSON, output_option, read_changes, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from schemas.verdicts import Verdict

MESSAGES: Final = "/v1/messages"
LIST: Final = ("ref", "received_at", "source", "id", "type", "key", "verdict", "reason")
COLUMNS: Final = ("field", "before", "after")
MOST: Final = 100_000
_STORED: Final = [verdict.value for verdict in Verdict if verdict is not Verdict.DEAD_LETTER]

_REF = click.argument("ref", type=click.UUID)
_REASON = click.option("--reason", required=True, help="Why; kept in the audit.")


@click.group()
def message() -> None:
    """Show messages, correct one, or let one run again.

    Asks the API of a gateway that runs. Only what stands in a lane is corrected, and only what was discarded or is
    stale runs again. REF is the message's reference, as lanes, cases, and timelines name it.
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
    items = remote(url, token_file).all(MESSAGES, most, **asked)
    show_rows(output, items, LIST, [_row(item) for item in items])


@message.command()
@_REF
@remote_options
@output_option
def show(ref: object, url: str | None, token_file: Path | None, output: str) -> None:
    """Show the message with the reference REF, without its body."""
    told = remote(url, token_file).get(f"{MESSAGES}/{ref}").content
    if output == JSON:
        show_json(told)
    else:
        show_table(["", ""], [(name, "–" if value is None else str(value)) for name, value in told.items()])


@message.command()
@_REF
@click.option("--reason", required=True, help="Why you need to see it; kept in the audit, with your name.")
@remote_options
def payload(ref: object, reason: str, url: str | None, token_file: Path | None) -> None:
    """Print the event of the message REF as it was taken in. It may be about people."""
    told = remote(url, token_file).get(f"{MESSAGES}/{ref}/payload", reason=reason).content
    click.echo(told)


@message.command()
@_REF
@click.option(
    "--changes", required=True, metavar="JSON",
    help='What is to differ of its data: {"project": {"id": "P-2"}}; null takes a field away, and lists are replaced.',
)  # fmt: skip
@_REASON
@click.option("--dry-run", is_flag=True, help="Only check it, and show what would differ, and what would come of it.")
@remote_options
@output_option
def edit(
    ref: object, changes: str, reason: str, url: str | None, token_file: Path | None, output: str, *, dry_run: bool
) -> None:
    """Put a corrected message in the place of message REF, which has done nothing yet."""
    body = {"reason": reason, "changes": read_changes(changes), "dry_run": dry_run}
    told = remote(url, token_file).send("POST", f"{MESSAGES}/{ref}/edit", body).content
    if output == JSON:
        show_json(told)
        return
    show_table(COLUMNS, [_cells(each) for each in told["changes"]])
    if not dry_run:
        click.echo(f"It is message {told['edited']} now.")
        return
    predicted = told["predicted"]
    if predicted is not None:
        why = "" if predicted["reason"] is None else f": {predicted['reason']}"
        click.echo(f"As the head of its lane it would be {predicted['verdict']}{why}.")
    click.echo("Nothing is changed: leave out --dry-run.")


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


def _row(item: Mapping[str, Any]) -> list[str]:
    return [
        item["ref"], item["received_at"], item["source"], item["id"], item["type"], f"{item['entity']}/{item['key']}",
        item["verdict"], item["reason"] or "",
    ]  # fmt: skip
