"""Our project as Redmine's: identifiers that it takes, and only what differs."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.redmine.mapping import TIME_TRACKING, changes, identifier, new_project
from adapters.redmine.records import FieldValue, Named, Project
from adapters.redmine.settings import RedmineFields
from schemas.operations.project import ProjectPut

GOLDEN = Path(__file__).parent / "golden"
FIELDS = RedmineFields(project_id=11, erp_id=12, legal_entity=13, currency=14, approval=15)
PUT = ProjectPut(
    project_id="OPP-1-US01", erp_id="77", name="Rollout für Größe & Söhne", legal_entity="US01", currency="USD"
)
AS_IT_SHOULD_BE = Project(
    id=7,
    name=PUT.name,
    identifier="opp-1-us01",
    custom_fields=(
        FieldValue(id=11, value="OPP-1-US01"),
        FieldValue(id=12, value="77"),
        FieldValue(id=13, value="US01"),
        FieldValue(id=14, value="USD"),
    ),
    enabled_modules=(Named(id=1, name="time_tracking"),),
)


def test_a_new_project_is_written_like_the_golden_file() -> None:
    golden = orjson.loads((GOLDEN / "new_project.json").read_bytes())
    assert orjson.loads(new_project(PUT, FIELDS, [TIME_TRACKING])) == golden


@pytest.mark.parametrize(
    ("project_id", "name"),
    [
        ("OPP-1-US01", "opp-1-us01"),
        ("a_b-9", "a_b-9"),
        ("x" * 100, "x" * 100),
        ("12345", "12345-5994471abb01"),
        ("new", "new-11507a0e2f5e"),
        ("Autocomplete", "autocomplete-4db0a7e493a8"),
        ("Größe 7/ü", "groe-7-u-df004040990f"),
        ("漢字", "p-c6d297713595"),
    ],
)
def test_an_identifier_is_our_id_or_a_slug_with_a_digest(project_id: str, name: str) -> None:
    assert identifier(project_id) == name


@given(st.text(min_size=1, max_size=200))
def test_redmine_takes_every_identifier(project_id: str) -> None:
    name = identifier(project_id)
    # The rule of `Project` in Redmine 5.0.
    assert re.fullmatch(r"(?!\d+$)[a-z0-9\-_]*", name)
    assert 0 < len(name) <= 100
    assert name not in {"new", "autocomplete"}


def test_long_ids_that_differ_in_the_end_stay_apart() -> None:
    assert identifier("x" * 150 + "1") != identifier("x" * 150 + "2")


def test_a_project_that_is_as_it_should_be_needs_nothing() -> None:
    assert changes(AS_IT_SHOULD_BE, PUT, FIELDS, [TIME_TRACKING]) is None


@pytest.mark.parametrize(
    ("changed", "written"),
    [
        ({"name": "Old"}, {"name": PUT.name}),
        ({"enabled_modules": ()}, {"enabled_module_names": ["time_tracking"]}),
        ({"enabled_modules": (Named(id=2, name="wiki"),)}, {"enabled_module_names": ["wiki", "time_tracking"]}),
        ({"custom_fields": AS_IT_SHOULD_BE.custom_fields[:3]}, {"custom_field_values": {"14": "USD"}}),
        (
            {"custom_fields": (*AS_IT_SHOULD_BE.custom_fields[:1], *AS_IT_SHOULD_BE.custom_fields[2:])},
            {"custom_field_values": {"12": "77"}},
        ),
    ],
)
def test_only_what_differs_is_written(changed: dict[str, object], written: dict[str, object]) -> None:
    body = changes(AS_IT_SHOULD_BE.model_copy(update=changed), PUT, FIELDS, [TIME_TRACKING])
    assert body is not None
    assert orjson.loads(body) == {"project": written}
