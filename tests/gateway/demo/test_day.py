"""The generated day: always the same, every event valid but those that are planted, each case in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from adapters.rabbitmq import topology
from gateway.demo.day import Act, Weather, make_day
from gateway.demo.policy import demo_policy, example_policy
from gateway.demo.sending import EVENTS, Planted, Sender, Sending
from gateway.door import Door
from gateway.policy_file import read_policy
from schemas.codec import decode
from schemas.envelope import Undecodable
from tests.gateway.demo.deliveries import handed

SCALES = (0.1, 1.0, 2.0)


def sendings(acts: tuple[Act, ...]) -> list[Sending]:
    return [sending for act in acts for sending in act.sendings]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    path = tmp_path / "policy.yaml"
    path.write_text(demo_policy(example_policy(), {}, {sender: sender.value for sender in Sender}), encoding="utf-8")
    policy = read_policy(path)
    return Door(lambda: policy.sources, lambda: UUID(int=1))


def test_the_same_seed_makes_the_same_day() -> None:
    assert make_day(3) == make_day(3)


def test_another_seed_makes_another_day() -> None:
    assert make_day(3) != make_day(4)


@pytest.mark.parametrize("scale", SCALES)
def test_every_good_event_is_admitted_under_its_key(door: Door, scale: float) -> None:
    for sending in sendings(make_day(1, scale)):
        if sending.planted is None:
            key, entry = door.admit(handed(sending))
            is_psa_project = sending.sender is Sender.PSA and entry.envelope.entity == "project"
            assert key.is_external == is_psa_project
            assert (entry.envelope.source, entry.envelope.id) == (sending.source, sending.id)


@pytest.mark.parametrize("scale", SCALES)
def test_every_planted_bad_input_is_refused(door: Door, scale: float) -> None:
    bad = [each for each in sendings(make_day(1, scale)) if each.planted and each.planted.is_dead_letter]
    codes = set()
    for sending in bad:
        with pytest.raises(Undecodable) as refused:
            door.admit(handed(sending))
        codes.add(refused.value.failure.code)
    assert codes == {"unrouted", "amount_invalid", "type_forbidden", "type_unknown"}


def test_a_repetition_says_the_same_in_the_other_mode() -> None:
    whole = sendings(make_day(1))
    first = {each.id: each for each in whole if each.planted is None}
    repeated = [each for each in whole if each.planted is Planted.DUPLICATE]
    assert repeated
    for each in repeated:
        assert each.is_binary is not first[each.id].is_binary
        assert body_hash(each) == body_hash(first[each.id])


def test_a_conflict_has_a_known_id_and_another_content() -> None:
    whole = sendings(make_day(1))
    first = {each.id: each for each in whole if each.planted is None}
    (conflict,) = (each for each in whole if each.planted is Planted.CONFLICT)
    assert body_hash(conflict) != body_hash(first[conflict.id])


def test_ids_are_unique_but_for_repetitions_and_conflicts() -> None:
    ids = Counter(
        (each.source, each.id)
        for each in sendings(make_day(1))
        if each.planted not in {Planted.DUPLICATE, Planted.CONFLICT}
    )
    assert set(ids.values()) == {1}


def test_what_the_day_has() -> None:
    acts = make_day(1)
    whole = sendings(acts)
    types = Counter(each.routing_key for each in whole if each.planted is None)
    assert types["customer.upserted"] == 27
    assert types["project.opportunity_won"] == 32
    assert types["timesheet.approved"] > 290
    assert {each.planted for each in whole} == {None, *Planted}
    assert {each.is_binary for each in whole} == {True, False}
    assert Weather.DOWN in {act.weather for act in acts}
    assert acts[-1].weather is Weather.FINE


def test_time_is_approved_before_its_deal_is_won() -> None:
    order = [each.event for each in sendings(make_day(1)) if each.planted is None]
    late = next(n for n, event in enumerate(order) if b'"project.activated.v1"' in event)
    project = order[late].split(b'"subject":"psa-')[1].split(b'"')[0]
    won = next(n for n, event in enumerate(order) if b"opportunity_won" in event and project in event)
    approved = next(n for n, event in enumerate(order) if b"timesheet.approved" in event and project in event)
    assert approved < late < won


def test_it_publishes_to_the_exchange_of_the_topology() -> None:
    assert topology.EVENTS == EVENTS


def body_hash(sending: Sending) -> bytes:
    outgoing = sending.outgoing
    return decode(outgoing.body, outgoing.content_type, outgoing.headers).body_hash
