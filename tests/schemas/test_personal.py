"""What is about people is masked wherever it is stored; and no field is forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import pytest

from actors.registry import ACTORS
from schemas.personal import ANYWHERE, MASK, masked

PERSONAL: Final = re.compile(r"mail|phone|note|address|birth|salary|cost_rate|first_name|last_name")


@pytest.mark.parametrize(
    ("entity", "state", "shown"),
    [
        (
            "employee", {"profile": {"name": "Ann Fox", "email": "a@x.example", "cost_rate": "80.00", "role": "dev"}},
            {"profile": {"name": MASK, "email": MASK, "cost_rate": MASK, "role": "dev"}},
        ),
        (
            "timesheet",
            {"employee": {"id": "E-1", "name": "Ann Fox"}, "lines": [{"note": "ill", "hours": "7.5", "task": None}]},
            {"employee": {"id": "E-1", "name": MASK}, "lines": [{"note": MASK, "hours": "7.5", "task": None}]},
        ),
        (
            "customer", {"profile": {"name": "Globex AG", "billing_email": "ann.fox@globex.example", "vat": None}},
            {"profile": {"name": "Globex AG", "billing_email": MASK, "vat": None}},
        ),
        (
            "project", {"name": "Größe", "note": None, "n": 12345678901234567890, "is": True},
            {"name": "Größe", "note": None, "n": 12345678901234567890, "is": True},
        ),
    ],
)  # fmt: skip
def test_what_is_personal_is_masked_and_the_rest_stays(
    entity: str, state: dict[str, object], shown: dict[str, object]
) -> None:
    assert json.loads(masked(entity, json.dumps(state).encode())) == shown


def names_in(schema: object) -> Iterator[str]:
    """All names of members in a JSON Schema."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in schema.values():
            yield from names_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from names_in(part)


@pytest.mark.parametrize("entity", ACTORS)
def test_no_field_that_sounds_personal_is_forgotten(entity: str) -> None:
    names = set(names_in(ACTORS[entity].state.model_json_schema()))
    assert {name for name in names if PERSONAL.search(name)} <= ANYWHERE
