"""How cases look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

from gateway.cli.output import show_table

LIST: Final = ("id", "class", "code", "key", "owner", "assignee", "money", "age", "count", "reason")
GROUPS: Final = ("fingerprint", "class", "code", "field", "system", "owner", "cases", "money", "age", "reason")


def show_case(told: Mapping[str, Any]) -> None:
    """All about one: what it is, what can be done, and what was."""
    about, standing = told["case"], told["standing"]
    facts = [
        ("case", f"{about['id']}, {about['failure_class']} {about['code']}"),
        ("version", str(about["version"])),
        ("about", f"{about['entity']}/{about['key']}" + (f", {about['topic']}" if about["topic"] else "")),
        ("cause", told["cause"]),
        ("how to mend it", told["fix"]),
        ("more", f"tallystick docs runbook {about['failure_class']}"),
        ("what can be done", ", ".join(told["can"]) or next(iter(told["cannot"].values()), "nothing")),
        ("owner", about["owner"]),
        ("taken by", about["assignee"] or "nobody"),
        ("money", money_of(about["money"]) or "–"),
        ("open since", f"{about['opened_at']} ({age_of(about['opened_at'])})"),
        ("came", f"{about['count']} times, reopened {about['reopened']}"),
        ("due", about["due_at"] or "–"),
        ("message", standing["verdict"] or "–"),
        ("command", standing["command"] or "–"),
    ]
    if about["closed_at"] is not None:
        by = f" by {about['closed_by']}" if about["closed_by"] else ""
        facts.append(("closed", f"{about['closed_at']}, {about['closed_how']}{by}"))
    show_table(["", ""], facts)
    lines = [(each["at"], each["by"], "note", each["text"]) for each in told["notes"]]
    lines += [
        (each["at"], each["by"], each["act"], f"{each['reason']} → {each['told'] or 'not known'}")
        for each in told["acts"]
    ]
    if lines:
        click.echo()
        show_table(["when", "who", "what", "text"], sorted(lines))


def row_of(item: Mapping[str, Any]) -> list[str]:
    """A line of the list."""
    return [
        str(item["id"]), item["failure_class"], item["code"], f"{item['entity']}/{item['key']}", item["owner"],
        item["assignee"] or "", money_of(item["money"]), age_of(item["opened_at"]), str(item["count"]), item["reason"],
    ]  # fmt: skip


def money_of(money: Mapping[str, str]) -> str:
    """What stands still, by currency."""
    return "; ".join(f"{amount} {currency}" for currency, amount in money.items())


def age_of(since: str) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
