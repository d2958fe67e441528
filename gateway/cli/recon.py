"""`tallystick recon`: what we hold beside what a system says, over the API of a gateway that runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click

from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import Remote, remote, remote_options
from gateway.exits import Exit, Failed

RUNS: Final = "/v1/reconciliations"
MOST: Final = 100_000
LIST: Final = ("id", "system", "first", "last", "entity", "legal_entity", "phase", "differences", "on_its_way", "by")
FOUND: Final = ("number", "kind", "entity", "key", "name", "fields", "ours", "theirs", "effect", "case")
TOTALS: Final = ("legal_entity", "currency", "ours", "theirs", "difference", "on_its_way")
EVERY_SECONDS: Final = 1.0
OVER: Final = frozenset({"done", "failed"})

_ID = click.argument("id", type=click.IntRange(min=1))
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def recon() -> None:
    """Compare a system's books with what we hold, and have differences repaired.

    Asks the API of a gateway that runs.
    """


@recon.command()
@click.argument("system")
@click.option("--from", "first", type=_DAY, required=True, help="First day of the period.")
@click.option("--through", "last", type=_DAY, required=True, help="Last day of the period.")
@click.option("--entity", help="Of one entity alone: timesheet, expense, project, or invoice.")
@click.option("--legal-entity", help="Of one legal entity alone.")
@click.option("--wait", is_flag=True, help="Wait until it is done; ends with 1 if anything differs.")
@remote_options
@output_option
def start(  # noqa: PLR0913 - click hands over every option
    system: str, first: datetime, last: datetime, entity: str | None, legal_entity: str | None, url: str | None,
    token_file: Path | None, output: str, *, wait: bool,
) -> None:  # fmt: skip
    """Reconcile SYSTEM: its books of a period beside what we hold."""
    asked = {
        "system": system, "first": first.date().isoformat(), "last": last.date().isoformat(), "entity": entity,
        "legal_entity": legal_entity,
    }  # fmt: skip
    api = remote(url, token_file)
    given = {name: value for name, value in asked.items() if value is not None}
    run = api.send("POST", RUNS, given, Idempotency_Key=str(uuid4())).content
    if wait:
        run = _over(api, run)
    _show(run, output)
    if wait and not run["is_clean"]:
        found = f"{run['differences']} differences: tallystick recon show {run['id']}"
        raise Failed(Exit.FAILED, run["reason"] or found)


@recon.command("list")
@click.option("--system", help="Of one system.")
@click.option("--most", type=click.IntRange(1, MOST), default=50, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, output: str, system: str | None, most: int) -> None:
    """List reconciliations, the newest first."""
    items = remote(url, token_file).all(RUNS, most, system=system)
    show_rows(output, items, LIST, [[_cell(item[name]) for name in LIST] for item in items])


@recon.command()
@_ID
@click.option("--kind", help="missing, extra, different, or twice.")
@click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="Differences, at most.")
@remote_options
@output_option
def show(id: int, url: str | None, token_file: Path | None, output: str, kind: str | None, most: int) -> None:
    """Show reconciliation ID: its totals, and what differs."""
    api = remote(url, token_file)
    run = api.get(f"{RUNS}/{id}").content
    found = api.all(f"{RUNS}/{id}/differences", most, kind=kind)
    if output == JSON:
        show_json({**run, "found": found})
        return
    _show(run, output)
    _show_found(found)


@recon.command()
@_ID
@click.option("--reason", required=True, help="Why; kept in the audit.")
@remote_options
@output_option
def cancel(id: int, url: str | None, token_file: Path | None, output: str, reason: str) -> None:
    """Cancel reconciliation ID, which is not over: it ends as failed."""
    _show(remote(url, token_file).send("POST", f"{RUNS}/{id}/cancel", {"reason": reason}).content, output)


@recon.command()
@_ID
@click.argument("earlier", type=click.IntRange(min=1))
@click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="Of each, at most.")
@remote_options
@output_option
def compare(id: int, earlier: int, url: str | None, token_file: Path | None, output: str, most: int) -> None:
    """Show what of reconciliation ID is new since EARLIER, what is gone, and what is still there."""
    api = remote(url, token_file)
    path = f"{RUNS}/{id}/compare"
    changes = {change: api.all(path, most, with_=earlier, change=change) for change in ("new", "gone", "still")}
    if output == JSON:
        show_json(changes)
        return
    for change, found in changes.items():
        click.echo(f"{change}: {len(found)}")
        _show_found(found)


@recon.command()
@_ID
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--reason", default="", help="Why; kept in the audit. Needed unless --dry-run.")
@remote_options
@output_option
def plan(id: int, url: str | None, token_file: Path | None, output: str, reason: str, *, dry_run: bool) -> None:
    """Plan the repair of what reconciliation ID has found: finance approves it as a case, somebody else than you."""
    if not (reason or dry_run):
        raise click.UsageError("give --reason: it is kept in the audit")
    body = {"reason": reason or "what would be done", "dry_run": dry_run}
    told = remote(url, token_file).send("POST", f"{RUNS}/{id}/plan", body, Idempotency_Key=str(uuid4())).content
    if output == JSON:
        show_json(told)
        return
    show_table(
        ("number", "entity", "key", "booking", "takes back", "books anew"),
        [[_cell(item[name]) for name in ("number", "entity", "key", "booking", "takes_back", "books")]
         for item in told["items"]],
    )  # fmt: skip
    for each in told["left"]:
        click.echo(f"not repaired: {each['number']} {each['name']}: {each['why']}")
    if told["more"]:
        click.echo(f"{told['more']} differences more than one plan holds: plan again once this one is done.")
    if told["plan"] is not None:
        click.echo(f"Plan {told['plan']['id']} waits for finance: tallystick case list --entity repair")


def _over(api: Remote, run: dict[str, Any]) -> dict[str, Any]:
    """The run once it is over."""
    while run["phase"] not in OVER:
        time.sleep(EVERY_SECONDS)
        run = api.get(f"{RUNS}/{run['id']}").content
    return run


def _show(run: Mapping[str, Any], output: str) -> None:
    if output == JSON:
        show_json(run)
        return
    about = " ".join(str(each) for each in (run["entity"], run["legal_entity"]) if each is not None)
    click.echo(f"Reconciliation {run['id']} of {run['system']}, {run['first']} to {run['last']} {about}".rstrip())
    click.echo(f"{run['phase']}: {run['reason']}" if run["reason"] else run["phase"])
    if run["waits"]:
        click.echo(f"It waits: {run['waits']}")
    if run["totals"]:
        show_table(TOTALS, [[_cell(total[name]) for name in TOTALS] for total in run["totals"]])
    counts = [f"{each['count']} {each['kind']} ({each['entity']})" for each in run["counts"]]
    if run["phase"] == "done":
        click.echo(", ".join(counts) or "Clean: both sides say the same.")
    if run["on_its_way"]:
        click.echo(f"{run['on_its_way']} on their way: no differences.")


def _show_found(found: Sequence[Mapping[str, Any]]) -> None:
    if found:
        show_table(FOUND, [[_difference_cell(name, item[name]) for name in FOUND] for item in found])


def _difference_cell(name: str, value: Any) -> str:  # noqa: ANN401 - JSON
    match name:
        case "ours" | "theirs":
            return "" if value is None else " ".join(
                str(value[part]) for part in ("amount", "currency", "day", "external_id") if value[part] is not None
            )  # fmt: skip
        case "effect":
            return ", ".join(f"{each['amount']} {each['currency']}" for each in value)
        case _:
            return _cell(value)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)
