"""Every module says in one sentence what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.files import modules, name


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


@pytest.mark.parametrize("module", modules(), ids=name)
def test_a_module_begins_with_a_sentence(module: Path) -> None:
    line = first_line(module.read_text())
    assert line.endswith("."), f"{name(module)} needs a docstring whose first line is a sentence; it has {line!r}"


@pytest.mark.parametrize(
    "source", ["", "import os", '"""No full stop"""', '"""\nBelow the first line.\n"""', "# Comment."]
)
def test_a_module_without_one_is_found(source: str) -> None:
    assert not first_line(source).endswith(".") or source.startswith('"""\n')
