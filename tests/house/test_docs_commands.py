"""Each command that a page of the documentation shows is one that there is, with options that it takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from gateway.cli.main import main

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((*ROOT.glob("docs/*.md"), *ROOT.glob("docs/runbook/*.md"), ROOT / "README.md"))
BLOCK: Final = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
INLINE: Final = re.compile(r"`tallystick ([^`]+)`")
SEVERAL: Final = re.compile(r"[a-z]\|[a-z]")
"""In a line that stands for several commands."""
REMARK: Final = re.compile(r" {2,}| #| \|| && | <| > | \\$")
"""Where a line of a block ends to be a command."""


def blocks(text: str) -> Iterator[str]:
    """Commands in blocks of code, which can be typed as they are."""
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            if line.strip().startswith("tallystick "):
                yield REMARK.split(line.strip().removeprefix("tallystick "))[0]


def wrong(line: str, *, complete: bool) -> str | None:
    """What is wrong with a command; in running text it need not be `complete`."""
    words, context = shlex.split(line), click.Context(main)
    command: click.Command = main
    while isinstance(command, click.Group):
        words = words[1:] if command is main and words[:1] == ["--dry-run"] else words
        if not words or not re.fullmatch(r"[a-z][a-z-]*", words[0]):
            return None if not complete or words[:1] in (["--help"], ["--version"]) else f"{line}: which command?"
        found = command.get_command(context, words[0])
        if found is None:
            return f"{line}: there is no {words[0]}"
        command, context, words = found, click.Context(found, info_name=words[0], parent=context), words[1:]
    if not complete and words[-1:] and words[-1].startswith("--"):
        words.append("…")  # an option that is named without its value
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return f"{line}: {error.format_message()}"
    missing = [each.name for each in command.params if each.required and not given.get(each.name or "")]
    if complete and missing:
        return f"{line}: it needs {', '.join(map(str, missing))}"
    return f"{line}: it takes no {rest}" if rest and complete else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_can_be_typed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    typed = [(line, True) for line in blocks(text)] + [(line, False) for line in INLINE.findall(BLOCK.sub("", text))]
    found = [wrong(line, complete=complete) for line, complete in typed if not SEVERAL.search(line)]
    assert [each for each in found if each] == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("lane retry timesheet T-1 --reason x", None),
        ("lane retry timesheet T-1", "it needs reason"),
        ("lane retry timesheet T-1 --why x", "No such option"),
        ("lane mend timesheet T-1", "there is no mend"),
        ("status all", "it takes no"),
        ("lane", "which command?"),
    ],
)
def test_what_cannot_be_typed_is_found(line: str, says: str | None) -> None:
    told = wrong(line, complete=True)
    assert told is None if says is None else told is not None and says in told
