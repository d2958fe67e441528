"""Every module says in one sentence what it is for."""

from __future__ import annotations

import ast

import pytest

from tests.house.files import modules, name


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def test_modules_begin_with_a_sentence() -> None:
    lines = {name(module): first_line(module.read_text()) for module in modules()}
    assert {module: line for module, line in lines.items() if not line.endswith(".")} == {}


@pytest.mark.parametrize("source", ["", "import os", '"""No full stop"""', "# Comment."])
def test_a_module_without_one_is_found(source: str) -> None:
    assert not first_line(source).endswith(".")
