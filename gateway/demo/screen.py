"""What the demo shows while it runs: a live table on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from adapters.ports.tally import Counted
from gateway.demo.telling.play import Weather

LINE_SECONDS: Final = 2.0
"""Between two plain lines."""

_WEATHER: Final = {Weather.FINE: "green", Weather.FLAKY: "yellow", Weather.DOWN: "bold red"}


@dataclass(frozen=True, slots=True)
class View:
    """The play at a glance. `weather`: of each ERP; `effects`: rows of its journal."""

    title: str
    weather: Mapping[str, Weather]
    published: int
    total: int
    counted: Counted
    effects: Mapping[str, int]

    @property
    def verdicts(self) -> str:
        """Each verdict with its count, the most frequent first."""
        counts = sorted(self.counted.verdicts.items(), key=lambda item: -item[1])
        dead = [("dead letter", self.counted.dead_letters)] if self.counted.dead_letters else []
        return ", ".join(f"{name} {count}" for name, count in [*counts, *dead]) or "none yet"

    @property
    def line(self) -> str:
        """All of it on one line."""
        erps = " · ".join(f"{erp} {self.weather[erp]}, {count} effects" for erp, count in self.effects.items())
        return (
            f"  published {self.published}/{self.total} · {self.verdicts} · "
            f"open commands {self.counted.commands.get('open', 0)} · {erps}"
        )


class Screen:
    """Prints to `console`; what is said during the live table appears above it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._next_line = 0.0

    def say(self, text: str = "") -> None:
        """A line, shown as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def playing(self) -> Iterator[None]:
        """While this lasts, `show` has a place to show it."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as self._live:
            yield
        self._live = None

    def show(self, view: View) -> None:
        """Show how it stands."""
        if self._live is not None:
            self._live.update(_table(view), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            self.say(view.line)


def _table(view: View) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, title=view.title, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("published", f"{view.published} of {view.total}")
    table.add_row("messages", view.verdicts)
    table.add_row("open commands", str(view.counted.commands.get("open", 0)))
    for erp, effects in view.effects.items():
        weather = view.weather[erp]
        table.add_row(erp, f"[{_WEATHER[weather]}]{weather}[/], {effects} effects in its journal")
    return table
