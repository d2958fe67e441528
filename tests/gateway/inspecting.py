"""Systems that are asked about themselves, and tell what a test has them tell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from adapters.ports.inspection import Inspection, NotInspected, Right


@dataclass
class Answers:
    """A system that tells this of itself, or raises it."""

    answer: Inspection | NotInspected

    async def inspect(self) -> Inspection:
        if isinstance(self.answer, NotInspected):
            raise self.answer
        return self.answer


class Silent:
    """A system that never answers."""

    async def inspect(self) -> Inspection:
        await asyncio.Event().wait()
        raise AssertionError


def inspection(
    *rights: Right, clock: datetime | None = None, limits: Mapping[str, str] = MappingProxyType({})
) -> Inspection:
    return Inspection("5.0.4", "gateway (no administrator)", clock, rights, limits)


class Late:
    """A system that has not answered in time."""

    async def inspect(self) -> Inspection:
        raise TimeoutError
