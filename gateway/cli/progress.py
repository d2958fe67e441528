"""The progress bar of a publication: on standard error, if that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.cli.events_file import STDIN
from gateway.cli.sending import Ready


class Shown:
    """What is shown: the share of the files' bytes, and events."""

    def __init__(self, progress: Progress, total: float | None) -> None:
        self._progress = progress
        self._task = progress.add_task("publishing", total=total, events=0)
        self._events = 0

    def advance(self, batch: Sequence[Ready]) -> None:
        """A batch is done."""
        self._events += len(batch)
        size = sum(len(each.line.body) + 1 for each in batch)
        self._progress.update(self._task, advance=size, events=self._events)


@contextmanager
def progress_of(files: Sequence[str]) -> Iterator[Shown]:
    """A bar while the block runs; it pulses where the size is not known."""
    console = Console(stderr=True)
    total = None if STDIN in files else sum(Path(file).stat().st_size for file in files)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[events]:,} events"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Shown(progress, total)
