"""The order of entities names those that there are."""

from __future__ import annotations

from actors.registry import ACTORS
from gateway.replay.order import ORDER


def test_what_it_names_is_there_and_named_once() -> None:
    assert set(ORDER) <= set(ACTORS)
    assert len(set(ORDER)) == len(ORDER)
