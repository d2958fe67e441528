"""Plans of replays as tests of the listeners make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from adapters.ports.replays import Asked, Change, Kind, Outlook, Prediction, Replay, Total
from schemas.verdicts import Verdict
from tests.contracts.turns import SHEET, message
from tests.gateway.http.stand import TOKEN, Page, Stand

REPLAYS: Final = "/v1/replays"
PLANS: Final = f"{REPLAYS}/plans"
MENDED: Final = {"name": "rates", "reason": "rates are set"}
PREDICTION: Final = Prediction(
    Verdict.APPLIED, None, None, (Asked("erp", "billable.post", "timesheet/T-1/l1/1"),), (Change("status", "1", None),)
)


async def plan(stand: Stand, chosen: Mapping[str, object] | None = None) -> Page:
    """Ask for a plan of what is chosen."""
    body = {"reason": "look", "filter": chosen or {}}
    return await stand.asked_by(TOKEN, "POST", PLANS, body, Idempotency_Key="1")


async def ready(stand: Stand, *euros: str, second: Verdict = Verdict.APPLIED, policy: str = "p") -> Replay:
    """The plan of a parked sheet with two messages, by which both are applied, with commands of so much.

    `second`: what comes of the second one. The policy in force is `p`.
    """
    await stand.park(SHEET, message("1"), message("2"))
    assert (await plan(stand)).status == 202
    made = await stand.replay_work.deciding()
    assert made is not None
    kept = await stand.replay_work.predicted(made, {1: PREDICTION, 2: PREDICTION}, [], decided=2)
    assert kept is not None
    commands = {Kind("erp", f"billable.{place}", "EUR"): Total(1, Decimal(each)) for place, each in enumerate(euros)}
    outlook = Outlook(dict(Counter([Verdict.APPLIED, second])), commands=commands)
    end = await stand.replay_work.ready(kept, outlook, policy=policy, token="1-a", seconds=60)
    assert end is not None
    return end
