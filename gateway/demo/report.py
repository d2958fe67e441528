"""The summary for people, as tables, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.demo.expected import Named
from gateway.demo.summary import Line, Summary

WRONG_SHOWN: Final = 30
"""Differences that are told at most; the JSON has them all."""

V = TypeVar("V", int, Decimal)


def show(console: Console, summary: Summary) -> None:
    """Print it."""
    console.print(_account(summary), highlight=False)
    console.print(_table("Messages by verdict", summary.verdicts))
    console.print(_table("Effects, by the systems' own journals", summary.effects))
    console.print(_table("Money in the ERP's journal: posted less taken back", summary.money))
    console.print(_table("Cases that people settled", summary.settled))
    console.print(f"Effects made twice: {len(summary.twice)}", highlight=False)
    console.print(_planned(summary.planned))
    for wrong in summary.wrong[:WRONG_SHOWN]:
        console.print(Text(f"WRONG: {wrong}", style="bold red"), soft_wrap=True)
    if len(summary.wrong) > WRONG_SHOWN:
        console.print(f"and {len(summary.wrong) - WRONG_SHOWN} more")
    verdict = "The numbers agree." if summary.agrees else f"{len(summary.wrong)} differences that nobody planned."
    console.print(Text(verdict, style="bold green" if summary.agrees else "bold red"))


def to_json(summary: Summary) -> bytes:
    """All of it; money as decimal strings."""
    document = {
        "agrees": summary.agrees,
        "published": summary.published,
        "duplicates": summary.duplicates,
        "accepted": summary.accepted,
        "verdicts": _figures(summary.verdicts),
        "effects": _figures(summary.effects),
        "money": _figures(summary.money),
        "settled": _figures(summary.settled),
        "twice": list(summary.twice),
        "planned": [
            {"what": each.what, "why": each.why, "messages": each.messages, "money": _strings(each.money)}
            for each in summary.planned
        ],
        "wrong": list(summary.wrong),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _account(summary: Summary) -> str:
    dead = next(line.found for line in summary.verdicts if line.name == "dead letter")
    return (
        f"{summary.published} published = {summary.accepted} accepted, each with one verdict + {dead} dead letters + "
        f"{summary.duplicates} repetitions"
    )


def _table(title: str, lines: Sequence[Line[V]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", min_width=24)
    for name in ("expected", "found"):
        table.add_column(name, justify="right", min_width=12)
    table.add_column("")
    for line in lines:
        mark = Text("ok", style="green") if line.agrees else Text("differs", style="bold red")
        table.add_row(line.name, _shown(line.expected), _shown(line.found), mark)
    return table


def _planned(planned: Sequence[Named]) -> Table:
    title = "Planned differences: what stands open, and why"
    table = Table("", "", "messages", "money", title=title, title_justify="left", title_style="bold", box=None)
    for each in planned:
        money = ", ".join(f"{_shown(amount)} {currency}" for currency, amount in each.money.items())
        table.add_row(Text(each.what), Text(each.why), str(each.messages), money)
    return table


def _shown(value: int | Decimal) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else str(value)


def _figures(lines: Sequence[Line[int]] | Sequence[Line[Decimal]]) -> list[dict[str, str | int]]:
    return [{"name": line.name, "expected": _plain(line.expected), "found": _plain(line.found)} for line in lines]


def _plain(value: int | Decimal) -> str | int:
    return format(value, "f") if isinstance(value, Decimal) else value


def _strings(money: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: format(amount, "f") for currency, amount in money.items()}
