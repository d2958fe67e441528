"""Two deals that name one project and one contract, won at once: one is set up, the other waits for a person."""

from __future__ import annotations

import pytest

from schemas.engagement.entity import Engagement
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectCreate
from tests.actors.firm import SHIPYARD, customer, deal, part
from tests.runtime.firm import CRM, Firm, event
from tests.runtime.town import until
from tests.runtime.virtual import run

DEALS = tuple(ActorKey("engagement", id) for id in ("ENG-1", "ENG-2"))


@pytest.mark.parametrize("seed", range(4))
def test_of_two_deals_for_one_project_one_is_set_up(seed: int) -> None:
    async def story() -> None:
        # Given a customer, and two deals under one contract for one project
        firm = Firm(seed)
        await firm.open(gateways=2)
        await firm.publish(event(CRM, "customer", SHIPYARD, customer()))
        sold = part().model_copy(update={"project_id": "P-77"})
        # When both are won at once
        for number, key in enumerate(DEALS):
            await firm.publish(event(CRM, f"won-{number}", key, deal(sold, opportunity_id=f"OPP-{number}")))
        await until(lambda: sorted(statuses(firm)) == ["active", "blocked"])
        await until(lambda: not firm.store.tables.outbox)
        # Then one runs, and the other names it in its case
        [(key, waits)] = [(key, state(firm, key)) for key in DEALS if state(firm, key).status == "blocked"]
        [runs] = [other.id for other in DEALS if other != key]
        assert [miss for miss in waits.misses if runs in miss] == list(waits.misses)
        assert len(waits.misses) == 2
        assert firm.cases() == ["project_taken"]
        bodies = [body for books in firm.books.values() for body in books.entries.values()]
        assert [type(body) for body in bodies if isinstance(body, (ProjectCreate, ContractPut))] == [
            ProjectCreate, ContractPut,
        ]  # fmt: skip
        firm.check_alive()
        for gateway in firm.gateways:
            assert await gateway.runtime.drain(30)

    run(story())


def statuses(firm: Firm) -> list[str]:
    """How far the engagements are."""
    return [state(firm, key).status for key in DEALS]


def state(firm: Firm, key: ActorKey) -> Engagement:
    """An engagement as it is kept; a new one until then."""
    entity = firm.store.tables.entities.get(key)
    kept = None if entity is None else entity.row.state
    return Engagement() if kept is None else Engagement.model_validate_json(kept)
