"""Won deals by legal entity: live, in shadow where only what would be done is written down, or off."""

from __future__ import annotations

import pytest

from actors.policy import Flow, Mode, Policy
from schemas.engagement.v1 import CustomerMoved
from tests.actors.firm import SHIPYARD, WON, deal, known_customer, part
from tests.actors.flows.desk import FINANCE, POLICY, Desk
from tests.actors.stage import accepted, reason_to_ignore

BOTH = deal(part("DE01"), part("US01", currency="USD"))


def runs(**modes: Mode) -> Policy:
    """The policy with other modes."""
    entities = {
        code: entity.model_copy(update={"flows": {Flow.WON_DEALS: modes[code]}}) if code in modes else entity
        for code, entity in POLICY.legal_entities.items()
    }
    return POLICY.model_copy(update={"legal_entities": entities})


def test_a_part_in_shadow_is_written_down_and_sent_nowhere() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    assert set(desk.statuses("US01").values()) == {"shadowed"}
    assert desk.part("US01").step("shell").reason == "would ask us-erp for project.create"
    assert not [request for request in desk.asked if request.line.startswith("US01")]
    assert desk.state.status == "active"
    assert "US01" in desk.remarks[0]


def test_a_deal_all_in_shadow_asks_nobody() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW), always=FINANCE).won()
    assert (desk.state.status, desk.asked, desk.cases) == ("shadowed", [], {})


def test_what_a_part_in_shadow_misses_is_a_remark() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW), others={SHIPYARD: known_customer(on_hold=True)})
    desk.won(deal(part(service_line="gardening")))
    assert (desk.state.status, desk.asked, desk.cases) == ("shadowed", [], {})
    assert any("gardening" in remark for remark in desk.remarks)
    assert any("credit hold" in remark for remark in desk.remarks)


@pytest.mark.parametrize("service_line", ["advisory", "gardening"])
def test_a_part_in_shadow_stays_there_when_its_customer_is_merged(service_line: str) -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(
        deal(part("DE01"), part("US01", currency="USD", service_line=service_line))
    )
    accepted(desk.when(CustomerMoved(to=WON.id, customer=SHIPYARD.id, into="C-2")))
    assert reason_to_ignore(desk.ready("US01", "C-2"))
    assert set(desk.statuses("US01").values()) == {"shadowed"}
    assert not [request for request in desk.asked if request.line.startswith("US01")]


def test_a_part_in_shadow_says_what_it_misses() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(
        deal(part("DE01"), part("US01", currency="USD", service_line="gardening"))
    )
    assert "would not begin" in (desk.part("US01").step("shell").reason or "")
    assert "gardening" in (desk.part("US01").step("shell").reason or "")


def test_a_part_that_is_off_is_left_out_with_a_remark() -> None:
    desk = Desk(policy=runs(US01=Mode.OFF)).won(BOTH).go_on()
    assert [each.legal_entity for each in desk.state.parts] == ["DE01"]
    assert desk.state.left_out == ("US01",)
    assert "US01" in desk.remarks[0]
    assert desk.state.status == "active"


def test_a_deal_all_off_is_ignored() -> None:
    assert "DE01" in reason_to_ignore(Desk(policy=runs(DE01=Mode.OFF)).when(deal()))


def test_a_part_that_was_begun_stays_live() -> None:
    desk = Desk().won()
    desk.knows(policy=runs(DE01=Mode.OFF))
    accepted(desk.done("DE01.shell.1"))
    assert "DE01.delivery.1" in desk.open
