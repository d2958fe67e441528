"""`tallystick top`: how a gateway stands, again and again, over its API."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from gateway.cli.output import WIDE, table_of
from gateway.cli.remote import Remote, remote, remote_options
from gateway.cli.status import CHECKS, HELD, OPEN, checks_of, held_of, open_of
from gateway.exits import Exit, Failed

REPLAYS: Final = ("replay", "name", "phase", "settled", "of", "failed")
MOST_REPLAYS: Final = 20
RUNNING: Final = frozenset({"running", "paused", "cancelling"})
ONCE: Final = 1


@click.command()
@click.option("--every", type=click.FloatRange(0.5, 3600), default=2, show_default=True, help="Seconds between looks.")
@click.option("--times", type=click.IntRange(1), help="Look so often, then end.  [default: until Ctrl-C]")
@remote_options
def top(url: str | None, token_file: Path | None, every: float, times: int | None) -> None:
    """Watch how the gateway stands: checks, what systems hold back, what stands open, and replays that run.

    Asks the API of a gateway that runs, and goes on asking while it does not answer. Without a terminal it looks once.
    """
    api, console = remote(url, token_file), Console()
    if not console.is_terminal:
        console.width = WIDE
        for _ in _looks(every, times or ONCE):
            console.print(_screen(api, is_only=times in (None, ONCE)))
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live, suppress(KeyboardInterrupt):
        for _ in _looks(every, times):
            live.update(_screen(api, is_only=times == ONCE), refresh=True)


def _looks(every: float, times: int | None) -> Iterator[int]:
    """Numbers of looks, each when its time has come."""
    for look in count() if times is None else range(times):
        if look:
            time.sleep(every)
        yield look


def _screen(api: Remote, *, is_only: bool) -> RenderableType:
    """What stands now, or why nobody knows. Raises `Failed` if it is the only look, or if another would be the same."""
    try:
        told, systems = api.get("/v1/status").content, api.get("/v1/systems").content["items"]
        replays = [
            each for each in api.get("/v1/replays", limit=MOST_REPLAYS).content["items"] if each["phase"] in RUNNING
        ]
    except Failed as failed:
        if is_only or failed.code is not Exit.UNREACHABLE:
            raise
        return Text(f"{datetime.now(UTC):%H:%M:%S} {failed}")
    head = f"{datetime.now(UTC):%H:%M:%S} tallystick {told['version']}: {'ready' if told['ready'] else 'not ready'}"
    parts = (
        (CHECKS, checks_of(told["checks"])), (HELD, held_of(systems)), (OPEN, list(open_of(told["open"]))),
        (REPLAYS, [_replay(each) for each in replays]),
    )  # fmt: skip
    shown: list[RenderableType] = [Text(head)]
    for columns, rows in parts:
        shown += ["", table_of(columns, rows)] if rows else []
    return Group(*shown)


def _replay(each: Mapping[str, Any]) -> Sequence[str]:
    return [
        str(each["id"]), each["name"], each["phase"], str(each["settled"]), str(each["messages"]), str(each["failed"]),
    ]  # fmt: skip
