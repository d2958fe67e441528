"""`tallystick kpi`: the business's figures over the API of a gateway that runs, and counting them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click
import uvloop

from adapters.postgres.kpis import PostgresBooks, PostgresKpis
from gateway.cli.options import JSON, database_option, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from gateway.exits import Exit, Failed
from gateway.kpis.figures import FIGURES
from gateway.kpis.follower import count_all

LIST: Final = ("figure", "value", "of", "unit", "says")
PATH: Final = "/v1/kpis"
DAY: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def kpi() -> None:
    """Show what the business sees: figures, objectives, and what waits; and count them anew."""


@kpi.command("list")
@click.option("--from", "first", type=DAY, help="The first day, UTC.  [default: 29 days before the last one]")
@click.option("--to", "last", type=DAY, help="The last day, UTC.  [default: today]")
@click.option("--legal-entity", help="Of one legal entity.")
@remote_options
@rows_option
def list_(
    first: datetime | None, last: datetime | None, legal_entity: str | None, url: str | None, token_file: Path | None,
    output: str,
) -> None:  # fmt: skip
    """List all figures of some days; and for people objectives and what waits, too."""
    told = _told(url, token_file, first, last, legal_entity)
    show_rows(output, told["figures"], LIST, [row for each in told["figures"] for row in _rows(each)])
    if output == "table":
        click.echo()
        show_table(["objective", "reached", "of", "asked", "met"], [_objective(each) for each in told["objectives"]])
        click.echo()
        show_table(["waits now", "count", "oldest", "money"], [_waits(each) for each in told["waiting"]])


@kpi.command()
@click.argument("figure", type=click.Choice([figure.name for figure in FIGURES]))
@click.option("--from", "first", type=DAY, help="The first day, UTC.  [default: 29 days before the last one]")
@click.option("--to", "last", type=DAY, help="The last day, UTC.  [default: today]")
@click.option("--legal-entity", help="Of one legal entity.")
@remote_options
@output_option
def show(
    figure: str, first: datetime | None, last: datetime | None, legal_entity: str | None, url: str | None,
    token_file: Path | None, output: str,
) -> None:  # fmt: skip
    """Show one FIGURE, with its formula and what it does not count."""
    told = _told(url, token_file, first, last, legal_entity)
    found = next(each for each in told["figures"] if each["figure"] == figure)
    row = next(each for each in FIGURES if each.name == figure)
    words = {"formula": row.formula, "counts": row.counts, "leaves_out": row.leaves_out}
    if output == JSON:
        show_json(found | words)
        return
    facts = [("figure", figure), ("says", row.says), ("days", f"{told['from']} to {told['to']}")]
    facts += [("value", f"{value} {found['unit']}, of {of}") for _, value, of, *_ in _rows(found)]
    facts += [("formula", row.formula), ("counts", row.counts), ("does not count", row.leaves_out)]
    show_table(["", ""], facts)


@kpi.command()
@click.option("--since", type=DAY, help="Leave earlier days as they are: what they were counted from may be removed.")
@database_option
def rebuild(since: datetime | None, database_url: str) -> None:
    """Forget all figures, or those from a day on, and count what is kept from its beginning.

    Works on the database itself; a gateway that runs helps, and no line is counted twice. Where retention has removed
    lines already, name the first day that is whole with --since; `wip` then stays too high by what was booked before
    the oldest line that is kept, and is billed later.
    """
    until = uvloop.run(_rebuild(database_url, None if since is None else since.date()))
    click.echo(f"Counted anew, up to {until or 'the beginning: nothing was committed yet'}.")
    if since is not None:
        click.echo(
            "wip may be too high: lines that were booked before the oldest that is kept leave it no more.", err=True
        )


async def _rebuild(url: str, since: date | None) -> datetime | None:
    books, kpis = PostgresBooks(url), PostgresKpis(url)
    try:
        await books.restart(since=since)
        await count_all(books)
        return (await kpis.progress()).until
    finally:
        await books.close()
        await kpis.close()


def _told(
    url: str | None, token_file: Path | None, first: datetime | None, last: datetime | None, legal_entity: str | None
) -> Mapping[str, Any]:
    days = {name: None if day is None else f"{day:%Y-%m-%d}" for name, day in (("from", first), ("to", last))}
    found = remote(url, token_file).get(PATH, legal_entity=legal_entity, **days).content
    if not isinstance(found, Mapping):
        raise Failed(Exit.FAILED, f"{PATH} answered something else than figures: is --url that of a gateway?")
    return found


def _rows(figure: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    for each in figure["values"] or [{"value": None, "of": 0, "currency": None}]:
        value = "–" if each["value"] is None else " ".join(filter(None, (each["value"], each["currency"])))
        yield figure["figure"], value, str(each["of"]), figure["unit"], figure["says"]


def _objective(each: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    within = f" within {each['within']}" if each["within"] else ""
    reached = "–" if each["reached"] is None else f"{each['reached']} %"
    met = {None: "–", True: "ok", False: "fail"}[each["is_met"]]
    return each["objective"], reached, str(each["of"]), f"{each['share']} %{within}", met


def _waits(each: Mapping[str, Any]) -> tuple[str, str, str, str]:
    money = "; ".join(f"{amount} {currency}" for currency, amount in each["money"].items())
    return each["flow"], str(each["count"]), each["oldest"] or "–", money
