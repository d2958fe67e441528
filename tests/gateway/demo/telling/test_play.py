"""The generated play: always the same, every event valid but the planted ones, each case in it, its books true."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from uuid import UUID

import orjson
import pytest

from adapters.rabbitmq import topology
from gateway.demo.expected import WAITING, expect
from gateway.demo.firm.model import ERPS, Fate
from gateway.demo.firm.truth import truth_of
from gateway.demo.policy import demo_policy, firm_policy
from gateway.demo.telling.play import Play, Weather, make_play
from gateway.demo.telling.sending import EVENTS, Planted, Sender, Sending
from gateway.door import Door
from gateway.policy_file import read_policy
from schemas.codec import decode
from schemas.envelope import Undecodable
from tests.gateway.demo.telling.deliveries import handed
from tests.gateway.demo.telling.ledger_of_told import told

SCALES = (0.1, 0.5)


@cache
def play(seed: int = 1, scale: float = 0.5) -> Play:
    return make_play(seed, scale)


def good(of: Play) -> list[Sending]:
    return [each for each in of.sendings if each.planted is None]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    path = tmp_path / "policy.yaml"
    path.write_text(demo_policy(firm_policy(), {}, {sender: sender.value for sender in Sender}), encoding="utf-8")
    policy = read_policy(path)
    return Door(lambda: policy.sources, lambda: UUID(int=1))


def test_the_same_seed_makes_the_same_play_byte_by_byte() -> None:
    again = make_play(1, 0.5)
    assert [each.outgoing for each in again.sendings] == [each.outgoing for each in play().sendings]
    assert again.acts == play().acts


def test_another_seed_makes_another_play() -> None:
    assert make_play(4, 0.1).sendings != play(1, 0.1).sendings


@pytest.mark.parametrize("scale", SCALES)
def test_every_good_event_is_admitted_under_its_key(door: Door, scale: float) -> None:
    for sending in good(play(1, scale)):
        key, entry = door.admit(handed(sending))
        speaks_of_its_own = {Sender.PSA: "project", Sender.ERP: "invoice", Sender.ERP_EU: "invoice"}
        assert key.is_external == (entry.envelope.entity == speaks_of_its_own.get(sending.sender))
        assert (entry.envelope.source, entry.envelope.id) == (sending.source, sending.id)


@pytest.mark.parametrize("scale", SCALES)
def test_every_planted_bad_input_is_refused(door: Door, scale: float) -> None:
    bad = [each for each in play(1, scale).sendings if each.planted and each.planted.is_dead_letter]
    codes = set()
    for sending in bad:
        with pytest.raises(Undecodable) as refused:
            door.admit(handed(sending))
        codes.add(refused.value.failure.code)
    assert codes == {"unrouted", "amount_invalid", "type_forbidden", "type_unknown"}


def test_a_repetition_says_the_same_in_the_other_mode() -> None:
    first = {each.id: each for each in good(play())}
    repeated = [each for each in play().sendings if each.planted is Planted.DUPLICATE]
    assert repeated
    for each in repeated:
        assert each.is_binary is not first[each.id].is_binary
        assert body_hash(each) == body_hash(first[each.id])


def test_a_conflict_has_a_known_id_and_another_content() -> None:
    first = {each.id: each for each in good(play())}
    (conflict,) = (each for each in play().sendings if each.planted is Planted.CONFLICT)
    assert body_hash(conflict) != body_hash(first[conflict.id])


def test_ids_are_unique_but_for_repetitions_and_conflicts() -> None:
    repeats = {Planted.DUPLICATE, Planted.CONFLICT}
    ids = Counter((each.source, each.id) for each in play().sendings if each.planted not in repeats)
    assert set(ids.values()) == {1}


@pytest.mark.parametrize("scale", SCALES)
def test_numbered_sources_number_each_subject_without_a_gap(scale: float) -> None:
    numbers: dict[tuple[str, str], set[int]] = {}
    for each in good(play(1, scale)):
        event = orjson.loads(each.event)
        assert ("sequence" in event) == (each.sender in {Sender.PSA, Sender.FINANCE})
        if "sequence" in event:
            numbers.setdefault((each.source, each.subject), set()).add(int(event["sequence"]))
    assert all(found == set(range(1, len(found) + 1)) for found in numbers.values())


def test_the_whole_firm_is_as_large_as_it_says() -> None:
    whole = play(1, 1.0)
    firm, types = whole.firm, Counter(each.routing_key for each in good(whole))
    assert (len(firm.clients), len(firm.deals), len(firm.people)) == (40, 60, 50)
    assert len(firm.sheets) == 601
    assert 4500 < sum(len(sheet.lines) for sheet in firm.sheets) < 5500
    assert len(firm.reports) == 60
    assert {sheet.fate for sheet in firm.sheets} == set(Fate)
    assert types["contract.change_order_approved"] >= 10
    assert types["invoice.issued"] == len(whole.invoices) > 100
    for fact in ("payment_received", "credit_memo_issued", "written_off", "disputed"):
        assert types[f"invoice.{fact}"] > 0
    assert {each.planted for each in whole.sendings} == {None, *Planted}
    assert {each.is_binary for each in whole.sendings} == {True, False}


def test_one_erp_is_down_while_the_other_is_up_and_all_are_up_when_people_look() -> None:
    weathers = [dict(act.weather) for act in play().acts]
    assert {"erp": Weather.FLAKY, "erp_eu": Weather.DOWN} in weathers
    assert [act.weather for act in play().acts if act.people] == [{}]
    assert set(ERPS) == {"erp", "erp_eu"}


@pytest.mark.parametrize(("seed", "scale"), [(1, 1.0), (2, 0.5), (3, 0.1), (4, 0.1), (5, 0.3)])
def test_what_is_told_and_what_the_firm_reckons_are_the_same_books(seed: int, scale: float) -> None:
    of = play(seed, scale)
    due = {
        (item.legal_entity, item.currency, str(item.measure), item.key): amount
        for item, amount in truth_of(of.firm, of.invoices).due.items()
    }
    assert told(each.event for each in good(of)) == due


def test_sources_are_late_and_out_of_order() -> None:
    order = [(each.routing_key, each.subject, each) for each in good(play())]
    sheet = next(sheet for sheet in play().firm.sheets if sheet.fate is Fate.OVERTAKEN)
    mine = [name for name, subject, _ in order if subject == sheet.id]
    assert mine == ["timesheet.submitted", "timesheet.corrected", "timesheet.approved"]
    late = next(deal for deal in play().firm.deals if deal.is_late)
    won = next(
        n for n, (name, subject, _) in enumerate(order) if (name, subject) == ("project.opportunity_won", late.id)
    )
    project = late.projects[0].psa_id.encode()
    assert any(name == "timesheet.approved" and project in each.event for name, _, each in order[:won])
    versions = [
        orjson.loads(each.event)["data"]["version"]
        for name, subject, each in order
        if name == "contract.change_order_approved" and subject == _twice_changed(play())
    ]
    assert versions == [3, 2]
    early = next(invoice for invoice in make_play(1).invoices if invoice.is_early)
    names = [each.routing_key for each in good(play(1, 1.0)) if each.subject in {early.id, f"I-{early.id}"}]
    assert names.index("invoice.payment_received") < names.index("invoice.issued")


def _twice_changed(of: Play) -> str:
    return next(project.contract for project in of.firm.projects if len(project.changes) == 2)


@pytest.mark.parametrize("scale", SCALES)
def test_every_message_is_expected_with_a_verdict(scale: float) -> None:
    of = play(1, scale)
    expected = expect(of)
    assert expected.messages + expected.duplicates == len(of.sendings)
    assert any(allowed is WAITING for allowed in expected.verdicts.values())
    assert expected.asked["authority_missing"] == expected.parked_commands == 1
    assert expected.asked["approval_needed"] == 2


def test_it_publishes_to_the_exchange_of_the_topology() -> None:
    assert topology.EVENTS == EVENTS


def body_hash(sending: Sending) -> bytes:
    outgoing = sending.outgoing
    return decode(outgoing.body, outgoing.content_type, outgoing.headers).body_hash
