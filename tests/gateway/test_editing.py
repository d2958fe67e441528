"""Edits of messages: what differs, under which id, and what is refused."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson
import pytest

from adapters.ports.replays import Change
from adapters.ports.turns import Message
from gateway.editing import NothingChanged, SaidByUs, edited
from schemas.acts import Act, Acted
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes, Undecodable
from schemas.keys import ActorKey
from schemas.personal import MASK
from schemas.values import Reference
from schemas.vocabulary import VOCABULARY
from tests.contracts.turns import uuid
from tests.integration.events import sheet

BODY = sheet("T1", Reference(id="P1")).body
HOURS = {"lines": [orjson.loads(BODY)["data"]["lines"][0] | {"hours": "5.00"}]}


def message(body: bytes = BODY, type: str = "timesheet.approved.v1") -> Message:
    envelope = VOCABULARY.decode_stored(body)
    return Message(uuid("1"), envelope.source, envelope.id, type, envelope.body_hash, body, "psa", 3)


def test_it_is_the_same_event_with_other_data() -> None:
    original = message()
    new = edited(original, HOURS, VOCABULARY)
    assert new.changes == (Change("lines[0].hours", '"7.50"', '"5.00"'),)
    before, after = orjson.loads(BODY), orjson.loads(new.message.body)
    assert after["data"]["lines"][0]["hours"] == "5.00"
    assert {**after, "id": before["id"], "data": before["data"]} == before
    assert new.message.id == after["id"] == f"T1-r1~{new.message.ref.hex[:12]}"
    assert new.message._replace(
        ref=original.ref, id=original.id, body=original.body, body_hash=original.body_hash
    ) == original  # fmt: skip
    assert new.message.body_hash == VOCABULARY.decode_stored(new.message.body).body_hash != original.body_hash


def test_the_same_edit_is_the_same_message_and_one_that_goes_back_is_not() -> None:
    original = message()
    there = edited(original, HOURS, VOCABULARY).message
    assert edited(original, HOURS, VOCABULARY).message == there
    back = edited(there, {"lines": orjson.loads(BODY)["data"]["lines"]}, VOCABULARY).message
    again = edited(back, HOURS, VOCABULARY).message
    assert len({original.ref, there.ref, back.ref, again.ref}) == 4
    assert len({original.id, there.id, back.id, again.id}) == 4
    assert [each.id.count("~") for each in (there, back, again)] == [1, 1, 1]


def test_a_field_is_taken_away_and_added() -> None:
    data = orjson.loads(BODY)["data"]
    added = edited(message(), {"lines": [data["lines"][0] | {"note": "on site"}]}, VOCABULARY)
    assert added.changes == (Change("lines[0].note", None, f'"{MASK}"'),)
    gone = edited(added.message, {"lines": data["lines"]}, VOCABULARY)
    assert gone.changes == (Change("lines[0].note", f'"{MASK}"', None),)
    corrected = edited(message(), {"project": {"id": "P2"}}, VOCABULARY)
    assert corrected.changes == (Change("project.id", '"P1"', '"P2"'),)


def test_what_came_in_base64_is_edited_too() -> None:
    event = orjson.loads(BODY)
    encoded = orjson.dumps({**event, "data": None, "data_base64": b64encode(orjson.dumps(event["data"])).decode()})
    new = edited(message(encoded), HOURS, VOCABULARY)
    assert "data_base64" not in orjson.loads(new.message.body)
    assert new.changes == (Change("lines[0].hours", '"7.50"', '"5.00"'),)


@pytest.mark.parametrize("patch", [{"legal_entity": None}, {"lines": []}, {"surprise": 1}, {"revision": "x"}])
def test_what_the_schema_does_not_take_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as refused:
        edited(message(), patch, VOCABULARY)
    assert refused.value.failure.reason


@pytest.mark.parametrize("patch", [{}, {"revision": 1}, {"project": {}}, {"note": None}])
def test_one_that_changes_nothing_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(NothingChanged):
        edited(message(), patch, VOCABULARY)


def test_a_long_id_is_cut_between_characters() -> None:
    event = orjson.loads(BODY)
    long = message(orjson.dumps({**event, "id": "ä" * 100}))
    new = edited(long, HOURS, VOCABULARY).message
    assert len(new.id.encode()) <= 200
    assert new.id.startswith("ä" * 93 + "~")


def test_nobody_edits_what_a_person_decided() -> None:
    acted = Acted(topic="approve", act=Act.APPROVE, by="ann", roles=("finance",), reason="fine")
    type = VOCABULARY.inner_type("engagement.acted") or ""
    body = encode(Attributes("tallystick:people", "1", type, ActorKey("engagement", "E").id), acted)
    with pytest.raises(SaidByUs):
        edited(message(body, type), {"roles": ["finance", "sales"]}, VOCABULARY)
    assert VOCABULARY.decode(BODY, STRUCTURED, {})
