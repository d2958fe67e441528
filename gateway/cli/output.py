"""How commands print: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE: Final = 240
"""Columns of a table that goes to a file or a pipe, where nothing is gained by folding lines at 80."""

_STYLES: Final = {"ok": "green", "present": "green", "warn": "yellow", "fail": "bold red", "missing": "bold red"}
"""Cells of exactly these words are coloured."""


def show_json(value: object) -> None:
    """Print anything that orjson can write."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """Print rows; cells are shown as they are, never read as markup."""
    table = Table(*columns, title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, ""), overflow="fold") for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
