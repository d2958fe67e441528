"""`tallystick event`."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from gateway.exits import Exit
from schemas.codec import STRUCTURED, decode
from schemas.registry import EVENTS
from tests.gateway.cli.conftest import cli
from tests.schemas.messages import example


@pytest.mark.parametrize("name", [*EVENTS.offered_types, *EVENTS.offered_names])
def test_examples_are_complete_and_valid(name: str) -> None:
    shown = cli("event", "example", name)
    assert shown.exit_code == 0
    assert decode(shown.stdout_bytes, STRUCTURED, {}).type.startswith(name)
    assert cli("event", "validate", "-", stdin=shown.stdout_bytes).exit_code == 0


@pytest.mark.parametrize("command", ["example", "schema"])
def test_an_unknown_type_is_told_with_those_that_are_known(command: str) -> None:
    shown = cli("event", command, "timesheet.aproved")
    assert shown.exit_code == Exit.NOT_FOUND
    assert shown.stdout == ""
    assert "timesheet.approved.v1" in shown.stderr


def test_the_schema_of_a_type_is_printed() -> None:
    schema = orjson.loads(cli("event", "schema", "timesheet.approved").stdout)
    assert schema == EVENTS.json_schema("timesheet.approved.v1")


def test_types_are_listed() -> None:
    listed = orjson.loads(cli("event", "types", "-o", "json").stdout)
    assert [row["type"] for row in listed] == list(EVENTS.offered_types)
    assert listed[0]["routing_key"] == "customer.upserted"
    table = cli("event", "types").stdout
    assert all(type_ in table for type_ in EVENTS.offered_types)


def test_each_refusal_is_told_with_its_place(tmp_path: Path) -> None:
    # Given a good event, a blank line, one with hours as a number, and one that is no JSON
    good = orjson.loads(cli("event", "example", "timesheet.approved").stdout)
    bad = orjson.loads(orjson.dumps(good))
    bad["data"]["lines"][0]["hours"] = 7.5
    file = tmp_path / "day.jsonl"
    file.write_bytes(orjson.dumps(good) + b"\n\n" + orjson.dumps(bad) + b"\n{oops\n")
    # When they are checked
    shown = cli("event", "validate", str(file))
    # Then both are told, and the command fails
    assert shown.exit_code == Exit.FAILED
    assert f"{file}:3" in shown.stdout
    assert f"{file}:4" in shown.stdout
    assert "data.lines.0.hours" in shown.stdout
    assert "1 of 3 events are valid" in shown.stdout
    # And as JSON too
    told = orjson.loads(cli("-o", "json", "event", "validate", str(file)).stdout)
    assert told["events"] == 3
    assert [(row["line"], row["class"], row["code"], row["field"]) for row in told["refused"]] == [
        (3, "schema", "hours_invalid", "data.lines.0.hours"),
        (4, "schema", "not_json", None),
    ]


def test_no_event_is_no_success() -> None:
    assert cli("event", "validate", "-", stdin=b"\n").exit_code == Exit.FAILED


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    assert cli("event", "validate", "nowhere.json").exit_code == Exit.USAGE


def test_what_only_the_gateway_says_is_neither_offered_nor_valid() -> None:
    for command in ("example", "schema"):
        refused = cli("event", command, "customer.acted")
        assert refused.exit_code == Exit.NOT_FOUND
        assert "customer.acted" not in refused.stderr.partition("known are")[2]
    found = cli("event", "validate", "-", "-o", "json", stdin=orjson.dumps(example("customer.acted.v1")))
    [row] = orjson.loads(found.stdout)["refused"]
    assert (found.exit_code, row["class"], row["code"]) == (Exit.FAILED, "auth", "type_inner")
