"""The page on configuration lists every variable, with its default."""

from __future__ import annotations

import re
from typing import Final

from gateway.cli.remote import HERE, SERVERS_TOKEN_FILE, TOKEN_FILE, URL
from gateway.settings import Settings
from tests.gateway.cli.conftest import ROOT

PAGE: Final = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def shown(default: object) -> str:
    """A default as the page writes it; a dash where there is none."""
    match default:
        case bool():
            return str(default).lower()
        case int() | float():
            return f"{default:.0f}"
        case str():
            return default
        case _:
            return "–"


def test_the_page_lists_every_variable_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `(TALLYSTICK_\w+)` \| `?([^|`]+?)`? \|", PAGE, re.MULTILINE))
    settings = {f"TALLYSTICK_{name.upper()}": shown(field.default) for name, field in Settings.model_fields.items()}
    assert listed == settings | {URL: HERE}
    assert f"| `{TOKEN_FILE}` | that of `{SERVERS_TOKEN_FILE}` |" in PAGE
