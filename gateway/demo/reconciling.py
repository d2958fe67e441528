"""What the gateway's own reconciliation says of the ERPs in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson

from gateway.demo.firm.model import ERPS, IN_FORCE, TODAY
from gateway.demo.people import CONTROLLER, Office, printed_by, typed
from gateway.demo.reconciled import Reconciled

SECONDS: Final = 60.0
"""How long one may take; after that it is told as it is."""
POLL: Final = 0.2
OVER: Final = frozenset({"done", "failed"})


async def reconciled(office: Office, say: Callable[[str], None]) -> list[Reconciled]:
    """Each ERP reconciled by the controller, over everything that the firm has done. Raises `CommandFailed`."""
    say("The gateway reconciles both ERPs; what a controller types, and what they see:")
    return [await _reconciled(office, say, erp) for erp in ERPS]


async def _reconciled(office: Office, say: Callable[[str], None], erp: str) -> Reconciled:
    days = ("--from", IN_FORCE.isoformat(), "--through", TODAY.isoformat())
    begun = orjson.loads(await printed_by(office, CONTROLLER, "recon", "start", erp, *days, "-o", "json"))
    number = str(begun["id"])
    run = await _over(office, number)
    await typed(office, CONTROLLER, say, "recon", "show", number)
    return Reconciled(
        erp,
        run["phase"],
        {(total["legal_entity"], total["currency"]): Decimal(total["theirs"]) for total in run["totals"]},
        run["on_its_way"],
        [(each["kind"], f"{each['entity']}/{each['key'] or each['name']}") for each in run["found"]],
        sum(each["case"] is not None for each in run["found"]),
    )


async def _over(office: Office, number: str) -> dict[str, Any]:
    """The run once it is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SECONDS
    while True:
        run: dict[str, Any] = orjson.loads(await printed_by(office, CONTROLLER, "recon", "show", number, "-o", "json"))
        if run["phase"] in OVER or loop.time() > deadline:
            return run
        await asyncio.sleep(POLL)
