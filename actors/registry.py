"""The table of actors: entity to its pure definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.decision import Actor
from actors.entities import customer, directory, engagement, project, timesheet

ACTORS: Final[Mapping[str, Actor]] = MappingProxyType(
    {
        actor.entity: actor
        for actor in (customer.ACTOR, directory.ACTOR, engagement.ACTOR, project.ACTOR, timesheet.ACTOR)
    }
)
