"""What was counted at the door is written down once, whenever the database takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from adapters.ports.schema_uses import Use
from adapters.ports.turns import StoreUnavailable
from gateway.schema_use import SchemaUsage

OLD, NEW = "project.opportunity_won.v1", "project.opportunity_won.v2"


class Uses:
    """Takes nothing while it is away."""

    def __init__(self) -> None:
        self.added: list[Use] = []
        self.is_away = False

    async def add(self, uses: Sequence[Use]) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.added += uses

    async def page(self, *, after: object, limit: int) -> list[object]:
        raise NotImplementedError

    async def close(self) -> None: ...


async def test_each_is_written_once_and_a_deprecated_one_with_what_takes_its_place() -> None:
    uses, counted = Uses(), Counter[tuple[str, ...]]()
    usage = SchemaUsage(uses, counted)  # type: ignore[arg-type]  # it is not asked for pages
    await usage.write()
    counted["urn:crm", OLD] += 2
    await usage.write()
    await usage.write()
    assert uses.added == [Use("urn:crm", OLD, 2, NEW)]
    uses.is_away = True
    counted["urn:crm", OLD] += 1
    counted["urn:crm", NEW] += 4
    await usage.write()
    uses.is_away = False
    await usage.write()
    assert sorted(uses.added[1:], key=str) == [Use("urn:crm", OLD, 1, NEW), Use("urn:crm", NEW, 4)]
