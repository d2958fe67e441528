"""`tallystick docs` prints what a gateway serves, and needs none."""

from __future__ import annotations

from pathlib import Path

import orjson

from gateway.exits import Exit
from gateway.http.description.asyncapi import asyncapi
from gateway.http.description.declared import document
from tests.gateway.cli.conftest import cli


def test_the_description_is_printed() -> None:
    told = cli("docs", "openapi")
    assert (told.exit_code, orjson.loads(told.stdout)) == (0, document())


def test_the_pages_are_printed() -> None:
    assert cli("docs", "api").stdout.startswith("# The API\n")
    assert cli("docs", "problems").stdout.startswith("# Problems\n")
    assert cli("docs", "events").stdout.startswith("# Events and notices\n")


def test_events_are_described() -> None:
    told = cli("docs", "asyncapi")
    assert (told.exit_code, orjson.loads(told.stdout)) == (0, asyncapi())


def test_schemas_are_printed_one_or_all() -> None:
    one = orjson.loads(cli("docs", "schema", "notice.case").stdout)
    everything = orjson.loads(cli("docs", "schema").stdout)
    assert (one["title"], everything["notice.case"]) == ("case.*", {"way": "given", "schema": one})
    wrong = cli("docs", "schema", "none")
    assert (wrong.exit_code, "notice.case" in wrong.stderr) == (Exit.NOT_FOUND, True)


def test_a_release_is_compared_with_another(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(cli("docs", "schema").stdout)
    same = cli("docs", "schema", "--against", str(record))
    assert (same.exit_code, same.stdout) == (0, "")
    changed = orjson.loads(record.read_bytes())
    changed["timesheet.gone.v1"] = changed["timesheet.approved.v1"]
    record.write_bytes(orjson.dumps(changed))
    broken = cli("docs", "schema", "--against", str(record))
    assert (broken.exit_code, broken.stdout) == (Exit.FAILED, "timesheet.gone.v1: it is gone\n")
    for text in ("{", "[]", '{"a": 1}', '{"a": {}}'):
        record.write_text(text)
        assert cli("docs", "schema", "--against", str(record)).exit_code == Exit.USAGE
