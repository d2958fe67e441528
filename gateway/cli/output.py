"""How commands print: a table for people, JSON for programs."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Final

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE: Final = 240
"""Columns of a table that goes to a file or a pipe, where nothing is gained by folding lines at 80."""

_STYLES: Final = {"ok": "green", "present": "green", "warn": "yellow", "fail": "bold red", "missing": "bold red"}
"""Cells of exactly these words are coloured."""


def show_json(value: object) -> None:
    """Print anything that orjson can write."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def show_rows(
    output: str, items: Sequence[Mapping[str, object]], columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print a list: `items` for programs, `rows` of cells for people and spreadsheets."""
    match output:
        case "json":
            show_json(items)
        case "jsonl":
            for item in items:
                click.echo(orjson.dumps(item).decode())
        case "csv":
            text = StringIO()
            csv.writer(text).writerows([columns, *([_unformulated(cell) for cell in row] for row in rows)])
            click.echo(text.getvalue(), nl=False)
        case _:
            show_table(columns, rows)


def _unformulated(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print rows; cells are shown as they are, never read as markup."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table_of(columns, rows, title))


def table_of(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    """The table that is printed."""
    table = Table(*columns, title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, ""), overflow="fold") for cell in row))
    return table
