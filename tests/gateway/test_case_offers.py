"""What can be done about a case as it stands: for each situation the acts, and for the others a way that leads on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.ports.cases import CaseFile, CaseRow, Closed, Standing
from adapters.ports.overdue import COMMAND_OVERDUE
from gateway.case_classes import CLASSES, owned_by, owner_of
from gateway.case_offers import offers, settling
from gateway.settlement import UNPROVABLE, UNSETTLED
from schemas.acts import Act
from schemas.verdicts import FailureClass, Verdict

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CASE = CaseRow(
    7, 1, "timesheet", "T-1", None, None, None, FailureClass.MAPPING, "unmapped", None, None, "map it", "0", None, None,
    (), {}, 1, 0, NOW, NOW, None, None, None, None, None,
)  # fmt: skip
GONE = Standing()


def can(case: CaseRow, standing: Standing = GONE) -> set[Act]:
    return {act for act, why in offers(CaseFile(case, standing, (), ())).items() if why is None}


@pytest.mark.parametrize(
    ("standing", "acts"),
    [
        (Standing(Verdict.PARKED, 1, is_head=True), (Act.RETRY, Act.CANCEL)),
        (Standing(Verdict.WAITING, 1, is_head=True), (Act.RETRY, Act.CANCEL)),
        (Standing(Verdict.PARKED, 2), (Act.RETRY,)),
        (Standing(Verdict.CONFLICT), (Act.RESOLVE,)),
        (Standing(Verdict.REJECTED), (Act.RESOLVE,)),
        (Standing(command="parked"), (Act.RETRY,)),
        (Standing(command="open"), ()),
        (Standing(), (Act.RESOLVE,)),
    ],
    ids=str,
)
def test_a_message_or_a_command(standing: Standing, acts: tuple[Act, ...]) -> None:
    assert can(CASE, standing) == set(acts)


LOST = replace(CASE, command_id=UUID(int=1), failure_class=FailureClass.UNKNOWN_OUTCOME, code=UNSETTLED)
PARKED = Standing(command="parked")


def test_what_only_a_person_can_find_out_is_settled_and_not_retried() -> None:
    unprovable = replace(LOST, code=UNPROVABLE)
    assert (can(LOST, PARKED), can(unprovable, PARKED)) == ({Act.RETRY}, set())
    for case in (LOST, unprovable):
        assert settling(CaseFile(case, PARKED, (), ())) is None
    why = offers(CaseFile(unprovable, PARKED, (), ()))[Act.RETRY]
    assert why is not None
    assert "settle the case with what you find" in why


@pytest.mark.parametrize(
    ("case", "standing", "told"),
    [
        (LOST, Standing(command="open"), "pause timesheet/T-1, then say it of the lane"),
        (LOST, GONE, "nothing is left to say"),
        (replace(LOST, code=COMMAND_OVERDUE), PARKED, "GET /v1/cases?entity=timesheet&key=T-1"),
        (replace(LOST, code=COMMAND_OVERDUE, key="a&b"), PARKED, "GET /v1/cases?entity=timesheet&key=a%26b"),
        (CASE, Standing(Verdict.PARKED, 1, is_head=True), "not about a command"),
        (replace(LOST, topic="validate"), PARKED, "not about a command"),
        (replace(LOST, closed_at=NOW, closed_how=Closed.RESOLVED), PARKED, "closed (resolved)"),
    ],
)
def test_what_is_not_settled_says_why(case: CaseRow, standing: Standing, told: str) -> None:
    why = settling(CaseFile(case, standing, (), ()))
    assert why is not None
    assert told in why


def test_a_topic_takes_what_its_decision_offered_and_nothing_else() -> None:
    asked = replace(CASE, topic="approval:large", acts=(Act.APPROVE, Act.REJECT))
    assert can(asked) == {Act.APPROVE, Act.REJECT}
    assert can(replace(asked, acts=())) == set()


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (replace(CASE, entity="system", key="erp"), "POST /v1/systems/erp/resume"),
        (replace(CASE, entity="restore", key="1"), "POST /v1/restore/release"),
        (replace(CASE, closed_at=NOW, closed_how=Closed.RETRIED), "case 7 is closed (retried)"),
    ],
)
def test_what_is_settled_elsewhere_says_where(case: CaseRow, told: str) -> None:
    found = offers(CaseFile(case, Standing(), (), ()))
    assert set(found) == set(Act)
    assert all(why is not None and told in why for why in found.values())


def test_every_class_has_an_owner_and_a_way_out() -> None:
    assert set(CLASSES) == set(FailureClass)
    assert all(rule.owner and rule.fix.endswith(".") for rule in CLASSES.values())
    assert {kind for role in {rule.owner for rule in CLASSES.values()} for kind in owned_by(role).classes} == set(
        FailureClass
    )


def test_who_is_named_comes_before_the_class() -> None:
    assert owner_of("partner", FailureClass.MAPPING) == "partner"
    assert owner_of(None, FailureClass.MAPPING) == "finance"
