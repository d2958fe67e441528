"""The part `batch` of an operation in the policy file: what it allows, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from gateway.batching import BatchRule
from gateway.gate import MOST, SystemGate
from gateway.gate_policy import GatePolicy
from gateway.http_policy import BatchPolicy, HttpSystemPolicy, Operation

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def system(**batches: object) -> HttpSystemPolicy:
    operations = {
        name.replace("_", "."): {"path": "/", "look_up": True, "batch": batch} for name, batch in batches.items()
    }
    return HttpSystemPolicy.model_validate({"url": "http://erp", "token": "t", "operations": operations})


def test_what_is_left_out_goes_one_by_one() -> None:
    entry = system(billable_post={"size": 500}, billable_reverse={"size": 2, "wait_ms": 0}, customer_put=None)
    assert entry.batches == {"billable.post": BatchRule(500, 0.05), "billable.reverse": BatchRule(2, 0.0)}


def test_runs_are_for_systems_that_say_so() -> None:
    entry = system(billable_post={"size": 500, "in_order": True}, billable_reverse={"size": 2})
    gate = SystemGate(GatePolicy(), 4, lambda: NOON, entry.batches)
    assert gate.limits().in_order == {"billable.post"}


@pytest.mark.parametrize(
    "batch", [{"size": 1}, {"size": 1001}, {"size": 9, "wait_ms": -1}, {"size": 9, "wait_ms": 1001}, {"wait_ms": 9}, {}]
)
def test_what_cannot_be_a_batch_is_refused(batch: object) -> None:
    with pytest.raises(ValidationError):
        BatchPolicy.model_validate(batch)


@pytest.mark.parametrize("promise", [{"look_up": True}, {"unique_reference": True}, {"key_window_seconds": 60}])
def test_a_batch_needs_a_promise_by_which_its_lines_are_settled(promise: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError, match="batch needs look_up, unique_reference, or key_window_seconds"):
        Operation.model_validate({"path": "/", "batch": {"size": 2}})
    assert Operation.model_validate({"path": "/", "batch": {"size": 2}, **promise}).batch == BatchPolicy(size=2)


@pytest.mark.parametrize(
    ("concurrency", "batches", "room", "largest"),
    [
        (16, {}, 16, 1),
        (4, {"a": BatchRule(100, 0)}, 400, 100),
        (64, {"a": BatchRule(500, 0), "b": BatchRule(3, 0)}, MOST, 500),
    ],
)
def test_the_gate_lets_as_many_attempts_run_as_its_requests_take(
    concurrency: int, batches: dict[str, BatchRule], room: int, largest: int
) -> None:
    gate = SystemGate(GatePolicy(), concurrency, lambda: NOON, batches)
    assert (gate.room, gate.largest) == (room, largest)
    assert gate.limits().together == {name: rule.size for name, rule in batches.items()}
    assert gate.limits().concurrency == concurrency
