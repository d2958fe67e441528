"""What the state of a won deal asks of people."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from schemas.engagement.entity import Engagement, PartState, StepState
from tests.checker.asks import asks, awaits
from tests.checker.check import check
from tests.checker.evidence import Case, Entity
from tests.checker.report import Invariant
from tests.checker.small import SMALL

KEY = "engagement/E"


def asked(**changes: Any) -> AbstractSet[str] | None:
    return asks(KEY, Engagement().model_copy(update=changes).model_dump(mode="json"))


def part(status: str, code: str | None = None) -> PartState:
    step = StepState.model_validate({"status": status, "code": code})
    return PartState(legal_entity="US01", project_id="E", contract_id="E", steps={"shell": step})


def test_each_thing_that_stands_still_asks_for_its_own_topic() -> None:
    assert asked(status="running", parts=(part("done"), part("undoing"))) == frozenset()
    assert asked(status="blocked") == {"validate"}
    assert asked(status="approving", pending={"big": "finance"}) == {"approval:big"}
    assert asked(status="active", refused_deals=("o2",)) == {"second_deal:o2"}
    assert asked(status="active", gone=("DE01",)) == {"part_gone:DE01"}
    assert asked(status="active", has_refused_more=True) == {"second_deals"}
    assert asked(status="cancelled", to_mend=("a link",)) == {"left_over"}
    assert asked(status="running", parts=(part("failed", "refused"),)) == {"step:US01.shell"}
    assert asked(status="cancelling", parts=(part("undoing", "refused"),)) == {"undo:US01.shell"}


def test_what_is_no_deal_or_has_no_state_asks_nothing() -> None:
    assert asks("project/P", {}) is None
    assert asks(KEY, None) == frozenset()


def test_a_deal_awaits_the_customer_that_it_has_asked() -> None:
    def awaited(step: str, status: str) -> str | None:
        steps = {step: StepState.model_validate({"status": status})}
        of = PartState(legal_entity="US01", project_id="E", contract_id="E", steps=steps)
        state = Engagement(status="running", customer="C-1", parts=(of,))
        return awaits(KEY, state.model_dump(mode="json"))

    assert awaited("customer", "asked") == "customer/C-1"
    assert awaited("customer", "done") is None
    assert awaited("shell", "asked") is None
    assert awaits(KEY, None) is None
    assert awaits("project/P", {}) is None


def test_what_is_asked_has_a_case_and_a_case_is_asked_for() -> None:
    blocked = Entity(KEY, 0, asks=frozenset({"validate"}))
    case = Case(KEY, "tax_profile_unmapped", is_open=True, topic="validate")
    for entity, cases, complaint in (
        (blocked, (case,), None),
        (blocked, (), "asks a person about validate, and no case is open"),
        (blocked, (replace(case, is_open=False),), "asks a person about validate, and no case is open"),
        (replace(blocked, asks=frozenset()), (case,), "asks nobody about validate, and its case is open"),
        (replace(blocked, asks=None), (case,), None),
    ):
        evidence = replace(SMALL, entities=(*SMALL.entities, entity), cases=(*SMALL.cases, *cases))
        found = check(evidence).violations
        wanted = [] if complaint is None else [(Invariant.LIVE, KEY, complaint)]
        assert [(each.invariant, each.of, each.why) for each in found] == wanted
