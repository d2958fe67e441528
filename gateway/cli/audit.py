"""`tallystick audit`: what operators did and why, and whether somebody has tampered with that."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from adapters.ports.audit import Head
from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from gateway.exits import Exit, Failed

AUDIT: Final = "/v1/audit"
HEAD: Final = "/v1/audit/head"
VERIFY: Final = "/v1/audit/verify"
COLUMNS: Final = ("id", "at", "by", "action", "entity", "key", "reason", "place")
FINDINGS: Final = ("wrong", "id", "place", "says")


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    try:
        is_right = value is None or datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        is_right = False
    if not is_right:
        raise click.BadParameter("write a time with its zone, such as 2026-03-06T17:00:00Z")
    return value


def _noted(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else str(Head.read(value))
    except ValueError as error:
        raise click.BadParameter(f"{error}, as `tallystick audit head` prints it") from error


@click.group()
def audit() -> None:
    """Show what operators did and why, and find tampering.

    Asks a gateway that runs, by its API.
    """


@audit.command("list")
@click.option("--actor", metavar="NAME", help="Who did it.")
@click.option("--action", metavar="NAME", help="What was done, such as lane.retry, or a family, such as lane.")
@click.option("--entity", metavar="TEXT", help="To what, such as timesheet or system.")
@click.option("--key", metavar="TEXT", help="Its id.")
@click.option("--since", metavar="TIME", callback=_moment, help="From this time on.")
@click.option("--until", metavar="TIME", callback=_moment, help="Before this time.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="How many are shown.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, output: str, most: int, **chosen: str | None) -> None:
    """Show what was done, newest first."""
    items = remote(url, token_file).all(AUDIT, most, **chosen)
    show_rows(output, items, COLUMNS, [[_cell(item[column]) for column in COLUMNS] for item in items])


@audit.command()
@remote_options
@output_option
def head(url: str | None, token_file: Path | None, output: str) -> None:
    """Print the end of the chain: note it elsewhere, and compare it with `verify --head`."""
    told = remote(url, token_file).get(HEAD).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(told["head"])


@audit.command()
@click.option("--head", metavar="HEAD", callback=_noted, help="What `tallystick audit head` printed earlier.")
@remote_options
@output_option
def verify(url: str | None, token_file: Path | None, output: str, head: str | None) -> None:
    """Check each act against its seal, and name what was changed, removed, or inserted.

    Whoever may change every row of the database can seal all of them anew: only --head finds that.

    Ends with 1 if anything is wrong.
    """
    api, cursor, checked = remote(url, token_file), None, 0
    findings: list[dict[str, Any]] = []
    while True:
        page = api.get(VERIFY, cursor=cursor, head=head).content
        checked, cursor = checked + page["checked"], page["next"]
        findings += page["findings"]
        if cursor is None:
            break
    if output == JSON:
        show_json({**page, "checked": checked, "findings": findings})
    else:
        if findings:
            show_table(FINDINGS, [[_cell(each[column]) for column in FINDINGS] for each in findings])
        until = page["sealed_until"] or "nothing yet"
        click.echo(f"{checked:,} acts checked, sealed until {until}; {page['unsealed']} not sealed yet.")
        click.echo(f"head {page['head']}")
    if findings:
        raise Failed(Exit.FAILED, f"the audit was tampered with: {len(findings)} findings")


def _cell(value: object) -> str:
    return "" if value is None else str(value)
