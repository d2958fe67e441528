"""How plans and replays look on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.options import JSON
from gateway.cli.output import show_json, show_table

LIST: Final = ("id", "name", "phase", "messages", "released", "settled", "failed", "started_by", "started_at", "reason")
PLANS: Final = ("id", "phase", "keys", "messages", "matched", "decided", "token", "expires_at", "by", "reason")
ITEMS: Final = (
    "number", "entity", "key", "type", "id", "was", "predicted", "commands", "outcome", "verdict", "code", "reason",
)  # fmt: skip
COMMANDS: Final = ("system", "operation", "count", "amount", "currency")


def cells(item: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """A row."""
    return [_cell(item[name]) for name in columns]


def item_cells(item: Mapping[str, Any]) -> list[str]:
    """A message: of its prediction the reason is shown until there is a result."""
    predicted, result = item["predicted"] or {}, item["result"] or {}
    shown = {
        **{name: item[name] for name in ("number", "entity", "key", "type", "id", "was")},
        "predicted": predicted.get("verdict"),
        "commands": ", ".join(_asked(each) for each in predicted.get("commands", ())),
        "outcome": result.get("outcome"),
        "verdict": result.get("verdict"),
        "code": result.get("code") or predicted.get("code"),
        "reason": result.get("reason") if result else predicted.get("reason"),
    }
    return [_cell(shown[name]) for name in ITEMS]


def show_plan(plan: Mapping[str, Any], output: str) -> None:
    """A plan: what it would come to, and how it is started."""
    if output == JSON:
        show_json(plan)
        return
    along = plan["messages"] - plan["matched"]
    beside = f", {along} of them because they stand in the same lanes" if along else ""
    click.echo(f"Plan {plan['id']}: {plan['messages']} messages of {plan['keys']} keys{beside}")
    if plan["phase"] == "deciding":
        click.echo(f"{plan['decided']} of them decided so far: tallystick replay show {plan['id']}")
        return
    if plan["phase"] == "cancelled":
        click.echo(f"Cancelled: {plan['reason']}")
    _show_outlook(plan)
    if plan["phase"] == "ready":
        click.echo(f"Until {plan['expires_at']}: tallystick replay start {plan['token']} --name … --reason …")


def show_replay(replay: Mapping[str, Any], output: str) -> None:
    """A replay: how far it is, and what has come of it."""
    if output == JSON:
        show_json(replay)
        return
    if replay["started_at"] is None:
        click.echo(f"Plan {replay['id']}: {replay['phase']}: {replay['reason']}")
        return
    click.echo(f"Replay {replay['id']} {replay['name']}, by {replay['started_by']}: {replay['phase']}")
    click.echo(f"{replay['settled']} of {replay['messages']} messages are settled, {replay['failed']} failed that were "
               "not predicted to")  # fmt: skip
    click.echo(f"Reason: {replay['reason']}")
    if replay["outcomes"]:
        show_table(("outcome", "messages"), [[name, str(count)] for name, count in replay["outcomes"].items()])


@contextmanager
def watched(replay: Mapping[str, Any]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A bar while the block runs; it is told of each state of the replay."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[failed]} failed"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(
            replay["phase"], total=replay["messages"], completed=replay["settled"], failed=replay["failed"]
        )

        def shown(now: Mapping[str, Any]) -> None:
            progress.update(task, description=now["phase"], completed=now["settled"], failed=now["failed"])

        yield shown


def _show_outlook(plan: Mapping[str, Any]) -> None:
    show_table(("would be", "messages"), [[verdict, str(count)] for verdict, count in plan["verdicts"].items()])
    if plan["codes"]:
        show_table(("would stop for", "messages"), [[code, str(count)] for code, count in plan["codes"].items()])
    if plan["commands"]:
        show_table(COMMANDS, [cells(each, COMMANDS) for each in plan["commands"]])


def _asked(command: Mapping[str, Any]) -> str:
    money = "" if command["amount"] is None else f" {command['amount']} {command['currency']}"
    return f"{command['system']} {command['operation']}{money}"


def _cell(value: object) -> str:
    return "" if value is None else str(value)
