"""No file names a host of a package registry, a path of one machine, or work that was left over."""

from __future__ import annotations

import re

import pytest

from tests.house.files import name, texts

# Put together here, so that this file passes its own test.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "docker" + ".io",
    "gh" + "cr.io",
    "npm" + "js.org",
    "qu" + "ay.io",
]
PATHS = [r"/ho" + r"me/\w", r"/Us" + r"ers/\w", r"(?<![\w.])/ro" + r"ot\b", r"(?<![\w.])/wo" + r"rk/\w"]
MARKS = [rf"\b{mark}\b" for mark in ("TO" + "DO", "FIX" + "ME", "HA" + "CK")] + [r"^<{7} ", r"^>{7} "]


def found(text: str) -> list[str]:
    patterns = [re.escape(host) for host in REGISTRIES] + PATHS + MARKS
    return [match.group() for pattern in patterns for match in re.finditer(pattern, text, re.MULTILINE)]


def test_files_speak_of_the_project_alone() -> None:
    wrong = {name(file): found(file.read_text(errors="replace")) for file in texts()}
    assert {file: what for file, what in wrong.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + REGISTRIES[0] + "/x",
        "cd /ho" + "me/anna",
        "/wo" + "rk/tree",
        "# TO" + "DO: later",
        "<" * 7 + " ours",
    ],
)
def test_what_should_not_be_there_is_found(text: str) -> None:
    assert found(text)
