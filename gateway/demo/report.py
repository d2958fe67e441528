"""The summary for people, as tables, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.demo.expected import Named
from gateway.demo.firm.truth import SHOWING
from gateway.demo.summary import Count, Ledger, Row, Summary

WRONG_SHOWN: Final = 30
"""Differences that are told at most; the JSON has them all."""


def show(console: Console, summary: Summary) -> None:
    """Print it."""
    console.print(_account(summary), highlight=False, soft_wrap=True)
    console.print(_counts("Set up once, by the systems' own journals", summary.set_up))
    console.print(_counts("Cases that people settled", summary.settled))
    console.print(
        _counts("Differences that the gateway's own reconciliation found, each in a case", summary.reconciled)
    )
    console.print(_planned(summary.planned))
    for ledger in summary.ledgers:
        console.print(_books(ledger))
    made = f"{summary.effects} effects in the systems' own journals, of which made twice: {len(summary.twice)}."
    console.print(made, highlight=False)
    for wrong in summary.wrong[:WRONG_SHOWN]:
        console.print(Text(f"WRONG: {wrong}", style="bold red"), soft_wrap=True)
    if len(summary.wrong) > WRONG_SHOWN:
        console.print(f"and {len(summary.wrong) - WRONG_SHOWN} more")
    console.print(Text(_verdict(summary), style="bold green" if summary.agrees else "bold red"), soft_wrap=True)


def to_json(summary: Summary) -> bytes:
    """All of it; money as decimal strings."""
    document = {
        "agrees": summary.agrees,
        "published": summary.published,
        "duplicates": summary.duplicates,
        "accepted": summary.accepted,
        "verdicts": _figures(summary.verdicts),
        "books": [_ledger(ledger) for ledger in summary.ledgers],
        "set_up": _figures(summary.set_up),
        "settled": _figures(summary.settled),
        "reconciled": _figures(summary.reconciled),
        "effects": summary.effects,
        "twice": list(summary.twice),
        "planned": [
            {"what": each.what, "why": each.why, "messages": each.messages, "money": _strings(each.money)}
            for each in summary.planned
        ],
        "wrong": list(summary.wrong),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _account(summary: Summary) -> str:
    *verdicts, letters = summary.verdicts
    split = ", ".join(f"{each.found} {each.name}" for each in verdicts)
    return (
        f"{summary.published} published = {summary.accepted} accepted, each with one verdict ({split}) + "
        f"{letters.found} dead letters + {summary.duplicates} repetitions"
    )


def _verdict(summary: Summary) -> str:
    if not summary.agrees:
        return f"{len(summary.wrong)} differences that nobody planned."
    places = ", ".join(f"{ledger.legal_entity} in {ledger.currency}" for ledger in summary.ledgers)
    return f"The numbers agree, to the cent: {places}, in the sources, in both ERPs, in CRM and PSA."


def _books(ledger: Ledger) -> Table:
    title = f"Books of {ledger.legal_entity} in {ledger.currency}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", min_width=18, no_wrap=True)
    for name in ("by the sources", "held back", f"in {ledger.erp}", f"in {' and '.join(SHOWING)}"):
        table.add_column(name, justify="right", min_width=12)
    table.add_column("")
    for row in ledger.rows:
        held, cells = _money(row.held) if row.held else "", (_cell(row, (ledger.erp,)), _cell(row, SHOWING))
        table.add_row(row.measure, _money(row.due), held, *cells, _mark(agrees=row.agrees))
    return table


def _cell(row: Row, systems: Sequence[str]) -> Text:
    """What these systems have: one amount, unless they disagree."""
    amounts = dict.fromkeys(row.systems[system] for system in systems if system in row.systems)
    is_right = set(amounts) <= {row.due - row.held}
    return Text(" / ".join(map(_money, amounts)), style="" if is_right else "bold red")


def _counts(title: str, counts: Sequence[Count]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("", min_width=24)
    for name in ("expected", "found"):
        table.add_column(name, justify="right", min_width=8)
    table.add_column("")
    for each in counts:
        expected = "any" if each.expected is None else str(each.expected)
        table.add_row(each.name, expected, str(each.found), _mark(agrees=each.agrees))
    return table


def _mark(*, agrees: bool) -> Text:
    return Text("ok", style="green") if agrees else Text("differs", style="bold red")


def _planned(planned: Sequence[Named]) -> Table:
    title = "Planned differences: what stands open, and why"
    table = Table("", "", "messages", "money", title=title, title_justify="left", title_style="bold", box=None)
    for each in planned:
        money = ", ".join(f"{_money(amount)} {currency}" for currency, amount in each.money.items())
        table.add_row(Text(each.what), Text(each.why), str(each.messages), money)
    return table


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _ledger(ledger: Ledger) -> dict[str, object]:
    return {
        "legal_entity": ledger.legal_entity,
        "currency": ledger.currency,
        "erp": ledger.erp,
        "rows": [
            {
                "measure": row.measure,
                "due": format(row.due, "f"),
                "held": format(row.held, "f"),
                "systems": _strings(row.systems),
            }
            for row in ledger.rows
        ],
    }


def _figures(counts: Sequence[Count]) -> list[dict[str, str | int | None]]:
    return [{"name": each.name, "expected": each.expected, "found": each.found} for each in counts]


def _strings(money: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: format(amount, "f") for name, amount in money.items()}
