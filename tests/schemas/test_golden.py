"""Golden files: a published version reads the same event the same way, for ever."""

from __future__ import annotations

import orjson
import pytest

from schemas.codec import decode_stored
from schemas.registry import EVENTS
from tests.schemas.write_golden import GOLDEN, event_files, published_files


@pytest.mark.parametrize("type", EVENTS.types)
def test_an_event_is_read_as_it_always_was(type: str) -> None:
    golden = orjson.loads((GOLDEN / f"{type}.json").read_bytes())

    read = EVENTS.find(type).model.model_validate(golden["event"]["data"])

    assert orjson.loads(read.to_json()) == golden["data"]
    assert decode_stored(orjson.dumps(golden["event"])).body_hash.hex() == golden["body_hash"]


@pytest.mark.parametrize("type", EVENTS.types)
def test_the_schema_of_a_version_does_not_change(type: str) -> None:
    name = f"{type}.schema.json"

    assert orjson.loads((GOLDEN / name).read_bytes()) == orjson.loads(event_files(type)[name])


@pytest.mark.parametrize("name", published_files())
def test_what_we_send_does_not_change(name: str) -> None:
    assert (GOLDEN / name).read_bytes() == published_files()[name]


def test_no_golden_file_is_left_over() -> None:
    known = set(published_files()).union(*(event_files(type_) for type_ in EVENTS.types))

    assert {path.name for path in GOLDEN.iterdir()} == known
