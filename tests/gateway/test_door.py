"""The door: who may send what, and which key it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.door import Door
from gateway.intakes.intake import Intake
from gateway.intakes.mapping import Intakes
from gateway.letters import LetterDelivery, letter_of
from gateway.source_policy import Source
from schemas.codec import decode_stored
from schemas.envelope import Undecodable
from schemas.keys import ActorKey, external_key
from schemas.registry import Registry, Version
from schemas.sequence import SequenceKind
from schemas.timesheet import v1
from schemas.verdicts import Failure, FailureClass
from schemas.vocabulary import Vocabulary
from tests.gateway.deliveries import Parcel, parcel
from tests.gateway.intakes.clock import CLOCK, MESSAGE, entry
from tests.gateway.toy import Ids
from tests.schemas.messages import binary, example

PSA = Source(users=("psa-user", "psa-batch"), types=("timesheet.*", "project.status_changed"))
SOURCES = {
    "urn:psa": PSA,
    "urn:crm": Source(users=("crm-user",), types=("customer.*", "project.*"), system="crm", external=("project",)),
}


def refused(delivery: Parcel) -> Undecodable:
    """How the door turns a delivery away, which it must."""
    with pytest.raises(Undecodable) as caught:
        Door(lambda: SOURCES, Ids()).admit(delivery)
    return caught.value


def test_an_event_is_for_the_key_that_its_subject_names() -> None:
    delivery = parcel()
    key, entry = Door(lambda: SOURCES, Ids()).admit(delivery)
    assert key == ActorKey("timesheet", example("timesheet.approved.v1")["subject"])
    assert entry.receipt is delivery
    assert (entry.message.ref.int, entry.message.source, entry.message.type) == (1, "urn:psa", "timesheet.approved.v1")
    assert entry.message.body_hash == entry.envelope.body_hash
    assert not entry.conflict


@pytest.mark.parametrize("prefix", ["ce-", "cloudEvents:"])
def test_both_modes_are_the_same_message_and_are_stored_alike(prefix: str) -> None:
    event = example("timesheet.approved.v1") | {"source": "urn:psa"}
    body, headers = binary(event, prefix)
    one, other = (
        Door(lambda: SOURCES, Ids()).admit(delivery)[1]
        for delivery in (parcel(), replace(parcel(), body=body, headers=headers, content_type="application/json"))
    )
    assert one.message.body_hash == other.message.body_hash
    assert decode_stored(other.message.body) == other.envelope


def test_another_systems_id_is_a_key_of_its_own() -> None:
    delivery = replace(parcel("project.status_changed.v1", source="urn:crm", subject="006Q"), user_id="crm-user")
    assert Door(lambda: SOURCES, Ids()).admit(delivery)[0] == external_key("crm", "project", "006Q")


def test_only_entities_that_the_source_numbers_itself_are_resolved() -> None:
    delivery = replace(parcel("customer.upserted.v1", source="urn:crm", subject="C-1"), user_id="crm-user")
    assert Door(lambda: SOURCES, Ids()).admit(delivery)[0] == ActorKey("customer", "C-1")


NUMBERED = {name: source.model_copy(update={"sequence": SequenceKind.CONTIGUOUS}) for name, source in SOURCES.items()}


def test_numbers_of_a_source_that_promises_none_are_not_looked_at() -> None:
    message = Door(lambda: SOURCES, Ids()).admit(parcel(sequence="7"))[1].message
    assert (message.series, message.sequence) == (None, None)


def test_numbers_stand_in_the_series_of_their_source() -> None:
    message = Door(lambda: NUMBERED, Ids()).admit(parcel(sequence="7"))[1].message
    assert (message.series, message.sequence) == ("urn:psa", 7)


def test_another_systems_ids_have_a_series_each() -> None:
    delivery = parcel("project.status_changed.v1", source="urn:crm", subject="006Q", sequence="7")
    message = Door(lambda: NUMBERED, Ids()).admit(replace(delivery, user_id="crm-user"))[1].message
    assert (message.series, message.sequence) == ("urn:crm 006Q", 7)


def test_a_source_that_numbers_its_events_numbers_all_of_them() -> None:
    with pytest.raises(Undecodable) as caught:
        Door(lambda: NUMBERED, Ids()).admit(parcel())
    assert (caught.value.failure.failure_class, caught.value.failure.code) == (FailureClass.SCHEMA, "sequence_missing")


@pytest.mark.parametrize(
    ("delivery", "code", "field"),
    [
        (parcel(source="urn:nobody"), "source_unknown", "source"),
        (replace(parcel(), user_id=None), "user_missing", "user_id"),
        (replace(parcel(), user_id="crm-user"), "user_differs", "user_id"),
        (parcel("customer.upserted.v1"), "type_forbidden", "type"),
        (parcel("project.opportunity_won.v1"), "type_forbidden", "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_may_not_send_it_is_turned_away(delivery: Parcel, code: str, field: str) -> None:
    error = refused(delivery)
    assert (error.failure.failure_class, error.failure.code, error.failure.field) == (FailureClass.AUTH, code, field)
    assert (error.id, error.source) == (orjson.loads(delivery.body)["id"], orjson.loads(delivery.body)["source"])


@pytest.mark.parametrize("user", PSA.users)
def test_each_user_of_a_source_may_send(user: str) -> None:
    assert Door(lambda: SOURCES, Ids()).admit(replace(parcel(), user_id=user))


def test_a_pattern_does_not_reach_beyond_its_type() -> None:
    assert PSA.may_send("timesheet.approved")
    assert not PSA.may_send("Timesheet.approved")
    assert not PSA.may_send("mytimesheet.approved")
    assert not PSA.may_send("project.status_changed_again")


def test_what_came_by_another_queue_is_turned_away_because_its_order_is_not_kept() -> None:
    failure = refused(parcel(queue="tallystick.project")).failure
    assert (failure.failure_class, failure.code) == (FailureClass.SCHEMA, "queue_differs")
    assert "timesheet.approved" in failure.reason


def test_what_no_queue_was_bound_for_is_told_its_routing_key() -> None:
    # the alternate exchange hands over anything, so nothing of it is decoded, let alone applied
    failure = refused(replace(parcel(queue="tallystick.unrouted"), routing_key="timesheet.approved.v1")).failure
    assert (failure.failure_class, failure.code, failure.field) == (FailureClass.SCHEMA, "unrouted", "routing_key")
    assert "'timesheet.approved.v1'" in failure.reason


def test_what_is_no_event_is_turned_away_by_the_codec() -> None:
    assert refused(replace(parcel(), body=b"{")).failure.failure_class is FailureClass.SCHEMA


def test_each_delivery_has_a_reference_of_its_own() -> None:
    door = Door(lambda: SOURCES, Ids())
    refs = {door.admit(parcel())[1].message.ref for _ in range(3)}
    assert len(refs) == 3


def test_a_new_policy_counts_from_the_next_delivery_on() -> None:
    sources = dict(SOURCES)
    door = Door(lambda: sources, Ids())
    door.admit(parcel())
    del sources["urn:psa"]
    with pytest.raises(Undecodable):
        door.admit(parcel())


def test_what_only_the_gateway_says_is_turned_away_whoever_says_it() -> None:
    inner = Vocabulary(Registry((Version("timesheet.approved", 1, v1.Approved, inner=True),)))
    with pytest.raises(Undecodable) as caught:
        Door(lambda: SOURCES, Ids(), inner).admit(parcel())
    failure = caught.value.failure
    assert (failure.failure_class, failure.code, failure.field) == (FailureClass.AUTH, "type_inner", "type")


CLOCKS = {"urn:example:clock": Source(users=("clock",), types=("timesheet.approved",))}
EXPORT = Parcel(MESSAGE.read_bytes(), routing_key="clock.sheets.de", user_id="clock", content_type=None)


def with_intake(sources: Mapping[str, Source] = CLOCKS) -> Door:
    intakes = Intakes({"clock": CLOCK.intake})
    return Door(lambda: sources, Ids(), intakes=lambda: intakes)


def test_what_is_no_event_is_mapped_by_the_intake_of_its_routing_key() -> None:
    key, entry = with_intake().admit(EXPORT)
    assert key == ActorKey("timesheet", "clock-4711")
    assert (entry.message.source, entry.message.id) == ("urn:example:clock", "4711-1-A")
    assert decode_stored(entry.message.body) == entry.envelope
    assert entry.receipt is EXPORT


def test_events_beside_an_intake_are_events_as_ever() -> None:
    assert with_intake(SOURCES).admit(parcel())[1].envelope.source == "urn:psa"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"user_id": "psa-user"}, "user_differs"),
        ({"user_id": None}, "user_missing"),
        ({"queue": "tallystick.project"}, "queue_differs"),
        ({"queue": "tallystick.unrouted"}, "unrouted"),
        ({"routing_key": "clock.other"}, "not_cloudevents"),
        ({"body": b"{}"}, "intake_path_missing"),
    ],
)
def test_all_that_holds_for_events_holds_for_what_is_mapped(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Undecodable) as caught:
        with_intake().admit(replace(EXPORT, **change))
    assert caught.value.failure.code == code


def test_its_source_may_send_no_more_than_as_events() -> None:
    only_submitted = {"urn:example:clock": Source(users=("clock",), types=("timesheet.submitted",))}
    with pytest.raises(Undecodable) as caught:
        with_intake(only_submitted).admit(EXPORT)
    assert caught.value.failure.code == "type_forbidden"


def test_a_numbered_intake_has_its_number_from_the_message() -> None:
    numbered = {
        "urn:example:clock": CLOCKS["urn:example:clock"].model_copy(update={"sequence": SequenceKind.MONOTONIC})
    }
    intakes = Intakes({"clock": Intake.model_validate(entry() | {"sequence": "/rev"})})
    message = Door(lambda: numbered, Ids(), intakes=lambda: intakes).admit(EXPORT)[1].message
    assert (message.series, message.sequence) == ("urn:example:clock", 1)


def test_a_dead_letter_of_an_intake_keeps_the_bytes_as_they_came_and_is_admitted_once_that_is_mended() -> None:
    broken = replace(EXPORT, body=MESSAGE.read_bytes().replace(b'"100"', b'"300"'))
    failure = with_intake().try_admit(broken)
    assert isinstance(failure, Failure)
    letter = letter_of(broken, failure)
    assert letter.body == broken.body
    assert letter.reason.startswith("intake clock: /company")
    # when the policy file learns of the company
    mended = entry()
    mended["data"]["legal_entity"]["map"]["300"] = "UK01"
    mended["data"]["currency"]["map"]["300"] = "GBP"
    intakes = Intakes({"clock": Intake.model_validate(mended)})
    key, _ = Door(lambda: CLOCKS, Ids(), intakes=lambda: intakes).admit(LetterDelivery(letter, lambda: None))
    assert key == ActorKey("timesheet", "clock-4711")
