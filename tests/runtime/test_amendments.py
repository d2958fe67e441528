"""Amendments in the runtime as it ships: out of order, amid a kill, and told to the project by the system `self`."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from gateway.policy_file import PolicyFile
from schemas.contract.entity import Contract
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.operations.contract import ContractPut
from schemas.project.entity import Project
from schemas.values import Reference
from tests.actors.agreements import APRIL, END, JUNE, SOW, order
from tests.actors.firm import BRIDGE, SHEET, SHIPYARD, WON, approved, customer, deal, line, part
from tests.runtime.firm import CRM, POLICY, PSA, Desk, Firm, event
from tests.runtime.town import until
from tests.runtime.virtual import run

OPEN = PolicyFile.model_validate(
    POLICY.model_dump(exclude={"sources", "systems"})
    | {
        "systems": POLICY.systems,
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*", "contract.*"]},
            PSA: {"users": ["guest"], "types": ["timesheet.*"]},
        },
    }
)

MARCH = date(2026, 3, 31)


def state_of(firm: Firm, key: ActorKey) -> bytes | None:
    """What the store keeps of a key."""
    entity = firm.store.tables.entities.get(key)
    return None if entity is None else entity.row.state


@pytest.mark.parametrize("is_killed", [False, True])
def test_hours_are_billed_by_the_version_of_their_day(is_killed: bool) -> None:  # noqa: FBT001  # with and without a kill
    async def story() -> None:
        # Given a won deal, and its change orders 3 and 2 in the wrong order, in the evening of the last day of work
        firm = Firm(7, desk=Desk(OPEN), began=datetime.combine(JUNE, time(17), UTC))
        await firm.open(gateways=2)
        await firm.publish(event(CRM, "1", SOW, order(3, change="500.00", rate="160.00", effective_on=JUNE)))
        await firm.publish(event(CRM, "2", SHIPYARD, customer()))
        await firm.publish(event(CRM, "3", WON, deal(part(ends_on=END, value="50000.00"))))
        await firm.publish(event(CRM, "4", SOW, order(2, change="500.00", rate="150.00", effective_on=APRIL)))
        if is_killed:
            await asyncio.sleep(0.1)
            await firm.gateways.pop().kill()
            await firm.start()
        # When the project knows of both
        await until(lambda: len(project(firm).terms) == 2)
        days = (MARCH, APRIL, JUNE)
        lines = [line(f"{day}", day=day) for day in days]
        await firm.publish(event(PSA, "5", SHEET, approved(*lines, project=Reference(id=BRIDGE.id))))
        erp = firm.books["erp"].entries.values()
        await until(lambda: sum(isinstance(body, BillablePost) for body in erp) == 3)
        # Then each hour has the rate of its day, and billing has every version once
        rates = {body.work_date: body.rate for body in erp if isinstance(body, BillablePost)}
        assert rates == dict(zip(days, map(Decimal, ("145.00", "150.00", "160.00")), strict=True))
        assert sorted(body.version for body in erp if isinstance(body, ContractPut)) == [1, 2, 3]
        await until(lambda: not firm.store.tables.outbox)
        assert [each.billing for each in contract(firm).history] == ["done", "done", "done"]
        firm.check_alive()
        for gateway in firm.gateways:
            assert await gateway.runtime.drain(30)

    run(story())


def project(firm: Firm) -> Project:
    """The project as it is kept; empty until then."""
    kept = state_of(firm, BRIDGE)
    return Project() if kept is None else Project.model_validate_json(kept)


def contract(firm: Firm) -> Contract:
    """The contract as it is kept; empty until then."""
    kept = state_of(firm, SOW)
    return Contract() if kept is None else Contract.model_validate_json(kept)
