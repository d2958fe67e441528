"""The table of event types: old versions become the latest, and what is not in the table is named."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from pydantic import Field

from schemas.codec import STRUCTURED, decode, decode_stored
from schemas.envelope import Undecodable
from schemas.record import Record
from schemas.registry import EVENTS, Registry, Version
from schemas.values import Id, Note
from tests.schemas.messages import example

HERE = Path(__file__).parents[2]


class TaskClosedV1(Record):
    task: Id
    why: Note


class TaskClosedV2(Record):
    task: Id
    reason: Note


class TaskClosedV3(Record):
    tasks: tuple[Id, ...] = Field(strict=False)
    reason: Note


def to_v2(old: TaskClosedV1) -> TaskClosedV2:
    return TaskClosedV2(task=old.task, reason=old.why)


def to_v3(old: TaskClosedV2) -> TaskClosedV3:
    return TaskClosedV3(tasks=(old.task,), reason=old.reason)


V1 = Version("task.closed", 1, TaskClosedV1, to_v2)
V2 = Version("task.closed", 2, TaskClosedV2, to_v3)
V3 = Version("task.closed", 3, TaskClosedV3)
TASKS = Registry((V1, V2, V3))
LATEST = TaskClosedV3(tasks=("T-1",), reason="done")


def event(version: int, data: object) -> bytes:
    return orjson.dumps(example("project.activated.v1") | {"type": f"task.closed.v{version}", "data": data})


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"task": "T-1", "why": "done"}),
        (2, {"task": "T-1", "reason": "done"}),
        (3, {"tasks": ["T-1"], "reason": "done"}),
    ],
)
def test_each_version_is_read_as_the_latest(version: int, data: object) -> None:
    envelope = decode(event(version, data), STRUCTURED, {}, registry=TASKS)

    assert envelope.data == LATEST
    assert envelope.type == f"task.closed.v{version}"
    assert (envelope.entity, envelope.fact) == ("task", "closed")


def test_the_hash_is_of_what_was_sent() -> None:
    body = event(1, {"task": "T-1", "why": "done"})
    before = decode_stored(body, Registry((Version("task.closed", 1, TaskClosedV1),)))
    after = decode_stored(body, TASKS)

    assert before.data == TaskClosedV1(task="T-1", why="done")
    assert after.data == LATEST
    assert before.body_hash == after.body_hash


def test_data_is_checked_against_the_version_that_was_sent() -> None:
    with pytest.raises(Undecodable, match=r"data\.why: is missing"):
        decode(event(1, {"task": "T-1", "reason": "done"}), STRUCTURED, {}, registry=TASKS)


def test_unknown_version_and_unknown_type_are_told_apart() -> None:
    with pytest.raises(Undecodable, match=r"send task\.closed\.v1, task\.closed\.v2, task\.closed\.v3") as version:
        TASKS.find("task.closed.v4")
    with pytest.raises(Undecodable, match=r'"task\.opened\.v1" is not known; known are task\.closed') as type_:
        TASKS.find("task.opened.v1")

    assert version.value.failure.code == "version_unknown"
    assert type_.value.failure.code == "type_unknown"


@pytest.mark.parametrize("rows", [(V2, V3), (V1, V3), (V3,), (Version("a.b", 1, TaskClosedV1), V1, V1)])
def test_a_table_with_a_hole_is_refused(rows: tuple[Version, ...]) -> None:
    with pytest.raises(ValueError, match="list versions from 1 on"):
        Registry(rows)


def test_a_version_without_its_upcast_is_refused() -> None:
    with pytest.raises(ValueError, match="give each but the last its upcast"):
        Registry((Version("task.closed", 1, TaskClosedV1), V2))


def test_inner_types_are_known_and_not_offered() -> None:
    registry = Registry((Version("task.closed", 1, TaskClosedV3), Version("task.told", 1, TaskClosedV2, inner=True)))

    assert (registry.offered_names, registry.offered_types) == (("task.closed",), ("task.closed.v1",))
    assert registry.types == ("task.closed.v1", "task.told.v1")
    assert registry.find("task.told.v1").inner
    assert not registry.find("task.closed.v1").inner
    assert [row.type for row in registry.inner_versions("task.told")] == ["task.told.v1"]
    assert registry.inner_versions("task.closed") == registry.inner_versions("task.lost") == ()
    with pytest.raises(Undecodable, match=r"known are task\.closed$"):
        registry.find("task.opened.v1")


def test_a_name_is_inner_in_all_its_versions_or_in_none() -> None:
    with pytest.raises(ValueError, match=r"task\.closed\.v2: let all versions of task\.closed be inner, or none"):
        Registry((V1, Version("task.closed", 2, TaskClosedV2, inner=True)))


def test_names_types_and_latest() -> None:
    assert TASKS.names == ("task.closed",)
    assert TASKS.types == ("task.closed.v1", "task.closed.v2", "task.closed.v3")
    assert TASKS.latest("task.closed").type == "task.closed.v3"
    assert TASKS.json_schema("task.closed.v1")["required"] == ["task", "why"]


def test_each_type_has_one_example_and_the_copies_for_readers_agree() -> None:
    shipped = HERE / "schemas" / "examples"
    copies = HERE / "examples" / "events"

    assert {path.stem for path in shipped.iterdir()} == set(EVENTS.types)
    assert {path.stem for path in copies.iterdir()} == set(EVENTS.offered_types), "nobody may send an inner one"
    assert all(path.read_bytes() == (shipped / path.name).read_bytes() for path in copies.iterdir())
