"""Topic patterns as AMQP 0-9-1 defines them."""

from __future__ import annotations

import pytest

from adapters.memory.broker_routing import matches


@pytest.mark.parametrize(
    ("pattern", "routing_key", "expected"),
    [
        ("project.#", "project.activated", True),
        ("project.#", "project", True),
        ("project.#", "project.milestone.completed", True),
        ("project.#", "projects.activated", False),
        ("project.*", "project.activated", True),
        ("project.*", "project", False),
        ("project.*", "project.milestone.completed", False),
        ("#", "anything.at.all", True),
        ("#", "", True),
        ("*.approved", "timesheet.approved", True),
        ("#.approved", "approved", True),
        ("a.#.z", "a.z", True),
        ("a.#.z", "a.b.c.z", True),
        ("a.#.z", "a.b.c", False),
        ("#.b.#", "a.b.c", True),
        ("", "", True),
        ("", "a", False),
        ("project.activated", "project.activated", True),
    ],
)
def test_a_star_is_one_word_and_a_hash_any_number(pattern: str, routing_key: str, *, expected: bool) -> None:
    assert matches(pattern, routing_key) is expected
