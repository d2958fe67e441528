"""What breaks for others is found, and what does not is let be; and this release breaks nothing of the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from schemas.catalogue import record
from schemas.compatibility import breaks

RELEASED: Final = Path(__file__).parent / "released.json"
"""What `tallystick docs schema` printed when the last release was made."""
TEXT: Final = {"type": "string"}


def sheet(**changed: Any) -> dict[str, Any]:  # JSON
    """A schema with a member of each kind."""
    lines = {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 9}
    members = {
        "state": {"enum": ["open", "done"]}, "note": {"anyOf": [TEXT, {"type": "null"}]}, "lines": lines,
        "hours": {"type": "string", "pattern": "^[0-9]$", "maxLength": 9}, "count": {"type": "integer", "minimum": 1},
        "map": {"type": "object", "additionalProperties": TEXT},
    }  # fmt: skip
    line = {"type": "object", "properties": {"id": TEXT}, "required": ["id"], "additionalProperties": False}
    whole = {
        "type": "object", "properties": members, "required": ["state"], "additionalProperties": False,
        "$defs": {"Line": line},
    }  # fmt: skip
    for place, value in changed.items():
        *path, last = place.split("__")
        part: Any = whole
        for name in path:
            part = part["properties" if name == "p" else "$defs" if name == "d" else name]
        last = {"p": "properties"}.get(last, last)
        if value is None:
            del part[last]
        elif isinstance(value, dict) and isinstance(part.get(last), dict):
            part[last] = part[last] | value
        else:
            part[last] = value
    return whole


def of(way: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"sheet": {"way": way, "schema": schema}}


@pytest.mark.parametrize(
    ("change", "taken", "given"),
    [
        ({}, None, None),
        ({"description": "other words"}, None, None),
        ({"p": {"more": TEXT}}, None, None),
        ({"p": {"more": TEXT}, "required": ["state", "more"]}, "more must be sent now", None),
        ({"p__note": None}, "note is refused now", None),
        ({"required": []}, None, "state may be missing now"),
        ({"required": ["state", "note"]}, "note must be sent now", None),
        ({"p__state": {"enum": ["open", "done", "lost"]}}, None, ".state: may be lost now"),
        ({"p__state": {"enum": ["open"]}}, ".state: refuses done now", None),
        ({"p__note": {"anyOf": [TEXT]}}, ".note: refuses null now", None),
        ({"p__count": {"type": "number"}}, None, ".count: may be number now"),
        ({"p__count": {"type": "string"}}, ".count: refuses integer now", ".count: may be string now"),
        ({"p__count": {"minimum": 2}}, ".count: is bound by minimum 2 now", None),
        ({"p__count": {"minimum": 0}}, None, ".count: was bound by minimum 1 before"),
        ({"p__hours": {"maxLength": 8}}, ".hours: is bound by maxLength 8 now", None),
        ({"p__hours__maxLength": None}, None, ".hours: was bound by maxLength 9 before"),
        ({"p__hours": {"pattern": "^[0-8]$"}}, "another pattern now", "another pattern before"),
        ({"p__lines": {"maxItems": 8}}, ".lines: is bound by maxItems 8 now", None),
        ({"d__Line__required": []}, None, ".lines[]: id may be missing now"),
        ({"d__Line__p": {"day": TEXT}, "d__Line__required": ["id", "day"]}, ".lines[]: day must be sent now", None),
        ({"p__map": {"additionalProperties": {"type": "integer"}}}, ".map.*: refuses string", ".map.*: may be integer"),
        ({"additionalProperties": True}, None, None),
    ],
)
def test_each_change_counts_for_those_whom_it_breaks(
    change: dict[str, Any], taken: str | None, given: str | None
) -> None:
    for way, expected in (("taken", taken), ("given", given)):
        found = breaks(of(way, sheet()), of(way, sheet(**change)))
        if expected is None:
            assert found == [], way
        else:
            assert any(expected in each for each in found), (way, found)


def test_what_is_gone_or_turned_round_is_found() -> None:
    assert breaks(of("taken", sheet()), {}) == ["sheet: it is gone"]
    assert breaks(of("taken", sheet()), of("given", sheet())) == ["sheet: it was taken, and is given"]
    assert breaks({}, of("taken", sheet())) == []


def test_a_schema_may_name_itself() -> None:
    tree = {"$defs": {"T": {"type": "object", "properties": {"next": {"$ref": "#/$defs/T"}}}}, "$ref": "#/$defs/T"}
    wider = orjson.loads(orjson.dumps(tree).replace(b'"object"', b'["object","null"]'))
    assert breaks(of("taken", tree), of("taken", wider)) == []
    assert breaks(of("taken", wider), of("taken", tree)) == ["sheet: refuses null now"]


def test_this_release_breaks_nothing_of_the_last_one() -> None:
    """If it does, make a new version of the type, or a new operation or notice, and let the old one be."""
    assert breaks(orjson.loads(RELEASED.read_bytes()), record()) == []


def test_the_record_has_what_others_rely_on() -> None:
    released = orjson.loads(RELEASED.read_bytes())
    assert {"timesheet.approved.v1", "notice.case", "operation.billable.post"} <= set(released)
    del released["notice.case"]["schema"]["properties"]["owner"]
    released["timesheet.approved.v1"]["schema"]["properties"]["gone"] = TEXT
    assert breaks(released, record()) == ["timesheet.approved.v1: gone is refused now"]
