"""`tallystick docs` prints what a gateway serves, and needs none."""

from __future__ import annotations

import orjson

from gateway.http.description.declared import document
from tests.gateway.cli.conftest import cli


def test_the_description_is_printed() -> None:
    told = cli("docs", "openapi")
    assert (told.exit_code, orjson.loads(told.stdout)) == (0, document())


def test_the_pages_are_printed() -> None:
    assert cli("docs", "api").stdout.startswith("# The API\n")
    assert cli("docs", "problems").stdout.startswith("# Problems\n")
