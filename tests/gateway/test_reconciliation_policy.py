"""Reconciliations in the policy file: their times, and each mistake at its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.policy_file import read_policy
from gateway.recon.schedule import ReconciliationPolicy, slot_of
from tests.gateway.test_policy_file import GOOD, mistakes, write

LINE = "service_lines: [advisory]\n"
TOKEN = "    token: sandbox-token\n"


def test_a_schedule_is_read_with_what_is_left_out(tmp_path: Path) -> None:
    text = GOOD.replace(TOKEN, f"{TOKEN}    postings: /postings\n") + "reconciliations: {nightly: {system: erp}}\n"
    policy = read_policy(write(tmp_path, text))
    assert policy.reconciliations == {"nightly": ReconciliationPolicy(system="erp", every_hours=24, days=35)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{system: sap}", "reconciliations.nightly.system: 'sap' is not under `systems`"),
        ("{system: erp}", "reconciliations.nightly.system: the books of erp cannot be read: give it `postings`"),
        ("{system: erp, every_hours: 0}", "reconciliations.nightly.every_hours"),
        ("{system: erp, entity: customer}", "reconciliations.nightly.entity"),
    ],
)
def test_each_mistake_is_told_at_its_line(tmp_path: Path, said: str, told: str) -> None:
    [mistake] = mistakes(tmp_path, LINE, f"{LINE}reconciliations: {{nightly: {said}}}\n")
    assert mistake.startswith(f"policy.yaml:8: {told}")


def test_a_legal_entity_that_is_not_listed_is_told(tmp_path: Path) -> None:
    text = GOOD.replace(TOKEN, f"{TOKEN}    postings: /postings\n")
    text += "reconciliations: {nightly: {system: erp, legal_entity: FR01}}\n"
    with pytest.raises(ValueError, match="FR01 is not listed in legal_entities"):
        read_policy(write(tmp_path, text))


@pytest.mark.parametrize(("hours", "changes_at"), [(24, 0), (6, 12)])
def test_times_are_counted_from_midnight_utc(hours: int, changes_at: int) -> None:
    schedule = ReconciliationPolicy(system="erp", every_hours=hours)
    at = datetime(2026, 3, 20, changes_at, tzinfo=UTC)
    before, after = at.replace(minute=0).timestamp() - 1, at.timestamp() + 1
    slots = [slot_of(schedule, datetime.fromtimestamp(moment, UTC)) for moment in (before, at.timestamp(), after)]
    assert slots[1] == slots[2] == slots[0] + 1
