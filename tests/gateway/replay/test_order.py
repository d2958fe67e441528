"""The order of entities names every one of them."""

from __future__ import annotations

from actors.registry import ACTORS
from gateway.replay.order import ORDER


def test_every_entity_has_its_place() -> None:
    assert sorted(ORDER) == sorted(ACTORS)
