"""The description of events and notices is complete and true."""

from __future__ import annotations

import re
from functools import reduce
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from jsonschema_rs import Draft202012Validator

from gateway.http.description.asyncapi import asyncapi
from gateway.http.description.events_page import events_page
from schemas import attributes
from schemas.catalogue import CATALOGUE, Way, newer
from schemas.notices import NOTICES
from schemas.registry import EVENTS
from tests.gateway.http.stand import Stand
from tests.schemas.messages import example

DOCUMENT: Final = asyncapi()
PAGE: Final = Path(__file__).parents[3] / "docs" / "events.md"


def found(place: str) -> Any:  # JSON
    return reduce(lambda part, name: part[name], place.removeprefix("#/").split("/"), DOCUMENT)


def places(part: Any) -> list[str]:  # JSON
    match part:
        case dict():
            here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return here + [place for each in part.values() for place in places(each)]
        case list():
            return [place for each in part for place in places(each)]
        case _:
            return []


def test_whatever_it_names_is_there() -> None:
    named = places(DOCUMENT)
    assert len(named) > 300
    assert all(found(place) for place in named)


def test_every_type_that_may_be_sent_and_every_notice_has_a_message() -> None:
    notices = {name for name, entry in CATALOGUE.items() if name.startswith("notice.")}
    assert set(DOCUMENT["components"]["messages"]) == {*EVENTS.offered_types, *notices}
    assert len(notices) == len(NOTICES)
    events = {name for name in DOCUMENT["channels"] if name not in notices}
    assert events == set(EVENTS.offered_names)
    actions = [operation["action"] for operation in DOCUMENT["operations"].values()]
    assert (actions.count("receive"), actions.count("send")) == (len(events), len(notices))


@pytest.mark.parametrize("type", EVENTS.offered_types)
def test_an_event_fits_its_payload(type: str) -> None:
    payload = DOCUMENT["components"]["messages"][type]["payload"]
    validator = Draft202012Validator({**payload, "components": DOCUMENT["components"]})
    event = example(type)
    assert [error.message for error in validator.iter_errors(event)] == []
    changes: tuple[dict[str, object], ...] = (
        {"type": "other.thing.v1"},
        {"data": {}},
        {"subject": ""},
        {"time": "yesterday"},
    )
    for wrong in changes:
        assert not validator.is_valid(event | wrong), wrong
    assert not validator.is_valid({name: value for name, value in event.items() if name != "id"})


def test_the_attributes_are_those_that_are_read() -> None:
    described = DOCUMENT["components"]["schemas"]["event"]["properties"]
    assert set(described) == {*attributes.NAMES, "datacontenttype"}


def test_notices_are_told_where_they_are_published() -> None:
    channels = {name: DOCUMENT["channels"][name] for name in DOCUMENT["channels"] if name.startswith("notice.")}
    patterns = {re.sub(r"\{\w+\}", "*", channel["address"]) for channel in channels.values()}
    assert patterns == set(NOTICES)
    assert "applied" in channels["notice.message"]["parameters"]["verdict"]["enum"]
    assert channels["notice.case"]["parameters"]["what"]["enum"][0] == "opened"
    assert set(channels["notice.entity"]["parameters"]) == {"entity", "fact"}


def test_an_older_version_says_what_takes_its_place() -> None:
    old, new = "project.opportunity_won.v1", "project.opportunity_won.v2"
    assert (newer(old), newer(new), newer("customer.acted.v1"), newer("no.such.v1")) == (new, None, None, None)
    messages = DOCUMENT["components"]["messages"]
    assert messages[old]["description"] == f"Deprecated: send {new}."
    assert "description" not in messages[new]


async def test_it_is_served_to_everybody(alone: Stand) -> None:
    page = await alone.api("GET", "/asyncapi.json")
    assert (page.status, page.json) == (200, DOCUMENT)
    for name in ("timesheet.approved.v1", "notice.case", "operation.billable.post"):
        page = await alone.api("GET", f"/schemas/{name}")
        assert (page.status, page.headers["Content-Type"]) == (200, "application/schema+json")
        assert orjson.loads(page.content) == CATALOGUE[name].schema
    for name in ("timesheet.approved.v9", "customer.acted.v1"):
        assert (await alone.api("GET", f"/schemas/{name}")).json["type"] == "/problems/not-found"


def test_every_schema_is_given_or_taken() -> None:
    ways = {way: [name for name, entry in CATALOGUE.items() if entry.way is way] for way in Way}
    assert set(ways[Way.TAKEN]) == set(EVENTS.offered_types)
    assert len(ways[Way.GIVEN]) > 25
    for entry in CATALOGUE.values():
        Draft202012Validator(entry.schema)


def test_the_page_of_the_docs_is_this() -> None:
    assert PAGE.read_text(encoding="utf-8") == events_page(DOCUMENT), "run: tallystick docs events > docs/events.md"
