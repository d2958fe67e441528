"""Notices say what happened, under the routing key that downstream systems bind to."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from pydantic import ValidationError

from schemas.notices import CaseNotice, DeadLetterNotice, EntityNotice, MessageNotice
from schemas.verdicts import FailureClass, Verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_a_message_is_told_by_its_verdict(verdict: Verdict) -> None:
    notice = MessageNotice(
        ref="1",
        source="psa",
        id="01KB",
        type="timesheet.approved.v1",
        entity="timesheet",
        key="TS-1",
        verdict=verdict,
        reason=None,
        at=datetime(2026, 11, 2, 9, 14, 31, tzinfo=UTC),
    )

    assert notice.routing_key == f"message.{verdict.value}"
    assert orjson.loads(notice.to_json()) == {
        "ref": "1",
        "source": "psa",
        "id": "01KB",
        "type": "timesheet.approved.v1",
        "entity": "timesheet",
        "key": "TS-1",
        "verdict": verdict.value,
        "reason": None,
        "at": "2026-11-02T09:14:31Z",
    }


def test_a_fact_is_told_by_entity_and_fact() -> None:
    notice = EntityNotice(entity="project", key="P-1", entity_version=3, fact="activated", attributes={"erp_id": "17"})

    assert notice.routing_key == "entity.project.activated"
    assert orjson.loads(notice.to_json()) == {
        "entity": "project",
        "key": "P-1",
        "entity_version": 3,
        "fact": "activated",
        "attributes": {"erp_id": "17"},
    }


def test_a_case_is_told_with_its_class() -> None:
    notice = CaseNotice(
        case_id="7",
        what="opened",
        failure_class=FailureClass.MAPPING,
        code="tax_profile_unmapped",
        entity="customer",
        key="C-1",
        reason="add tax profile x to the policy file",
        topic=None,
        owner="finance",
        assignee=None,
    )

    assert notice.routing_key == "case.opened"
    assert orjson.loads(notice.to_json()) == {
        "case_id": "7",
        "what": "opened",
        "class": "mapping",
        "code": "tax_profile_unmapped",
        "entity": "customer",
        "key": "C-1",
        "reason": "add tax profile x to the policy file",
        "topic": None,
        "owner": "finance",
        "assignee": None,
    }


def test_a_dead_letter_is_told_with_what_identifies_it() -> None:
    body = {
        "digest": "00ff",
        "queue": "tallystick.timesheet",
        "routing_key": "timesheet.approved",
        "class": "schema",
        "code": "not_json",
        "reason": "the body is not JSON",
    }

    notice = DeadLetterNotice.model_validate_json(orjson.dumps(body))

    assert notice.failure_class is FailureClass.SCHEMA
    assert orjson.loads(notice.to_json()) == body


def test_versions_count_from_one() -> None:
    with pytest.raises(ValidationError):
        EntityNotice(entity="project", key="P-1", entity_version=0, fact="activated", attributes={})
