"""A deal is cancelled after ERP and PSA have its project: both take it back, and what cannot be undone is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED, encode
from schemas.customer.v1 import Upserted
from schemas.envelope import Attributes
from schemas.project.v1 import Rate
from schemas.project.v2 import Billing, Contract, OpportunityWon, Part
from schemas.record import Record
from schemas.values import Money, Reference
from tests.integration.events import AT
from tests.integration.firm import GatewayProcess, until
from tests.live.books import Books, Work, psa_closed
from tests.live.office import CRM_SOURCE, Office
from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest, RestFailed

pytestmark = pytest.mark.live

ENGAGEMENT: Final = "OFF-1"
PROJECT: Final = "OFF-1-US01"
WHY: Final = "The customer has stepped back."


async def test_a_cancelled_deal_is_taken_back_in_erp_and_psa(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, redmine: LocalRedmine
) -> None:
    gateway = await made.open(readers=())
    sold = [Sold("consultant", Decimal(40), Decimal(150))]
    won = await seller.win("US01", await seller.customer("OFF", "Off Ltd"), "Roll-out", sold)

    # Given a deal of two legal entities, of which the ERP takes one, and refuses the other for its currency
    await made.firm.publish([customer("OFF"), deal(str(won.id), "OFF")])

    async def stands_still() -> bool:
        parts = (await engagement(made, gateway)).get("parts", [])
        steps = {part["legal_entity"]: part["steps"] for part in parts}
        return is_step(steps, "US01", "links", "done") and is_step(steps, "DE01", "shell", "failed")

    await until(stands_still, 60, "one part is done, and the other stands still")
    [(number, erp_id)] = [(number, erp) for project, number, erp in books.psa_projects() if project == PROJECT]
    assert erp_id == str((await books.erp_projects())[PROJECT])
    assert [work.takes_time for work in await books.erp_works(PROJECT)] == [False, True]
    await manager.join(number, "ann")

    # When a person cancels it
    [case] = [each for each in await cases(made, gateway) if each["topic"] == "step:DE01.shell"]
    assert case["code"] == "currency_differs"
    path = f"/v1/cases/{case['id']}/cancel"
    await made.ask(gateway, "POST", path, {"reason": WHY}, version=case["version"])

    # Then both systems have taken the project back, by their own books
    async def is_cancelled() -> bool:
        return bool((await engagement(made, gateway))["status"] == "cancelled")

    await until(is_cancelled, 60, "the deal is cancelled")
    assert psa_closed(redmine).count(PROJECT) == 1
    project, task = await books.erp_works(PROJECT)
    assert project.comment is not None
    assert WHY in project.comment
    assert [project, task] == [
        Work("Roll-out", "Done", takes_time=False, comment=project.comment),
        Work("consultant", "Done", takes_time=False, comment=None),
    ]
    # And nobody can write time on it, until a person reopens it
    with pytest.raises(RestFailed):
        await ann.log_time(number, "consultant", date(2026, 3, 2), Decimal(1))
    await manager.call("PUT", f"/projects/{number}/reopen.json")
    await ann.log_time(number, "consultant", date(2026, 3, 2), Decimal(1))

    # And each undo is recorded, and what cannot be undone is named and a person's matter
    [part] = [part for part in (await engagement(made, gateway))["parts"] if part["legal_entity"] == "US01"]
    assert {name: step["status"] for name, step in part["steps"].items()} == {
        "customer": "kept", "shell": "undone", "delivery": "undone", "contract": "skipped", "open": "undone",
        "terms": "undone", "workspace": "skipped", "links": "kept",
    }  # fmt: skip
    for operation in ("project.cancel", "project.withdraw"):
        assert ENGAGEMENT in await made.asked.confirmed_keys(operation)
    assert [each["topic"] for each in await cases(made, gateway)] == ["left_over"]
    assert PROJECT in (await books.links())[f"{won.number}-US01"]
    assert await made.parked() == []
    assert await gateway.stop() == 0


def customer(id: str) -> Outgoing:
    """A customer of both legal entities."""
    firms = ("US01", "DE01")
    data = Upserted(name="Off Ltd", country="US", tax_profile="standard", legal_entities=firms, currency="USD")
    return _event("customer.upserted.v1", id, data)


def deal(opportunity: str, customer_id: str) -> Outgoing:
    """A deal in US dollars, which are not what DE01 keeps its books in."""
    rate = Rate(role="consultant", hourly=Money.of(Decimal(150), "USD"))
    parts = tuple(
        Part(
            legal_entity=firm,
            service_line="consulting",
            currency="USD",
            contract=Contract(reference=f"SOW-{firm}", signed_on=date(2026, 1, 1), starts_on=date(2026, 1, 1)),
            billing=Billing(method="time_and_materials", rates=(rate,)),
        )
        for firm in ("US01", "DE01")
    )
    data = OpportunityWon(opportunity_id=opportunity, customer=Reference(id=customer_id), name="Roll-out", parts=parts)
    return _event("project.opportunity_won.v2", ENGAGEMENT, data)


def _event(type: str, subject: str, data: Record) -> Outgoing:
    id = f"{type} of {subject}"
    body = encode(Attributes(source=CRM_SOURCE, id=id, type=type, subject=subject, time=AT), data)
    return Outgoing(EVENTS, type.rpartition(".")[0], body, STRUCTURED, {}, message_id=id)


def is_step(steps: dict[str, Any], legal_entity: str, step: str, status: str) -> bool:
    """Whether a step of a part has come so far."""
    found: Any = steps.get(legal_entity, {}).get(step, {}).get("status")
    return bool(found == status)


async def engagement(made: Office, gateway: GatewayProcess) -> dict[str, Any]:
    """The engagement's state, as the gateway tells it; empty before it has one."""
    if not await made.firm.count("SELECT count(*) FROM tallystick.entity WHERE key = $1", ENGAGEMENT):
        return {}
    told = await made.ask(gateway, "GET", f"/v1/entities/engagement/{ENGAGEMENT}")
    state: Any = told["state"]
    return state or {}


async def cases(made: Office, gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Cases that are open."""
    found: Any = (await made.ask(gateway, "GET", "/v1/cases"))["items"]
    return list(found)
