"""How posted time gets other rates: its sheet is known to the months of its contract, and finance decides on a plan."""

from __future__ import annotations

from dataclasses import replace

from actors.asking import not_seen
from actors.billing.behind import still_behind
from actors.billing.booking import posting, releasing, reversals
from actors.billing.closing import closed
from actors.billing.planning import FINANCE, planned, replanned, still_meant, with_plans
from actors.decision import Accept, Context, Decision, Ignore, Reject, Request
from actors.lines import content
from actors.policy import Flow, Mode
from schemas.acts import Act, Acted
from schemas.billed import BilledLine
from schemas.billed_month.entity import month_of
from schemas.billed_month.v1 import Listed
from schemas.commands import SELF, command_reference
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.timesheet.entity import Plan, RatedLine, Timesheet


def followed(before: Timesheet, decision: Decision, key: ActorKey) -> Decision:
    """What follows from other lines: the months of their contracts hear of the sheet, and plans are of what stands."""
    if not isinstance(decision, Accept) or not isinstance(decision.state, Timesheet):
        return decision
    sheet = decision.state
    months = {
        month_of(line.contract, line.body.work_date): line.contract
        for line_id, line in sheet.lines.items()
        if line.contract is not None and before.lines.get(line_id) is not line and isinstance(line.body, BillablePost)
    }
    new = {month: contract for month, contract in months.items() if month not in sheet.listed}
    if not (new or before.plans or before.behind):
        return decision
    requests = tuple(
        Request(SELF, "billed_month.listed", f"listed.{month}", Listed(to=month, contract=contract, sheet=key.id))
        for month, contract in new.items()
    )
    listed = sheet.model_copy(update={"listed": (*sheet.listed, *new)})
    accept = still_behind(before, replace(decision, state=listed, requests=(*decision.requests, *requests)), listed)
    return with_plans(accept, before, still_meant(before, sheet.lines)) if before.plans else accept


def plan_of(state: Timesheet, act: Acted) -> Plan | None:
    """The plan that a person decides on; None where none of that topic is open."""
    return next((each for each in state.plans.values() if each.topic == act.topic), None)


def acted(state: Timesheet, act: Acted, context: Context) -> Decision:
    """Finance decides on a plan, as it was seen."""
    plan = plan_of(state, act)
    if plan is None:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    outdated = not_seen(act, plan.asks)
    if outdated is not None:
        return outdated
    if FINANCE not in act.roles:
        return Ignore(f"other rates of posted time are decided by {FINANCE}, and {act.by} is not that")
    match act.act:
        case Act.APPROVE:
            return _approved(state, plan, act, context)
        case Act.REJECT:
            kept = state.model_copy(update={"declined": state.declined | {plan.contract: plan.asks}})
            remark = f"the lines stay as they are booked: {act.reason}"
            return with_plans(Accept(kept, remarks=(remark,)), state, _without(state, plan))
        case _:
            return Ignore(f"{act.act} is not possible here: approve or reject the plan")


def _approved(state: Timesheet, plan: Plan, act: Acted, context: Context) -> Decision:
    """The lines are taken back, and booked anew at the rates that were approved, if the contract has them still.

    A change of the contract is known before the sheet hears of it: what was approved meanwhile is asked as it is now.
    """
    stand = [(each, state.lines[each.line_id]) for each in plan.lines]
    for code in {line.body.legal_entity for _, line in stand}:
        legal_entity = context.policy.legal_entities.get(code)
        if legal_entity is not None and legal_entity.mode(Flow.TIME) is not Mode.LIVE:
            mode = legal_entity.mode(Flow.TIME)
            return Ignore(f"the policy has time of {code} in mode {mode}: set it live, then approve again")
    shut = closed("", (), (line for _, line in stand), context.policy)
    if shut is not None:
        return Ignore(f"{shut.reason}, by approving the plan again")
    now = planned(state, plan.contract, plan.number, context)
    if not isinstance(now, Plan):
        return Ignore(now.failure.reason) if isinstance(now, Reject) else now
    if now.asks != plan.asks:
        remark = f"contract {plan.contract} has other rates than {act.by} approved: nothing is booked by that plan"
        return replace(replanned(state, now), remarks=(remark,))
    booked = {each.line_id: _anew(each, line, context.key) for each, line in stand}
    leaving = {each.line_id: line for each, line in stand}
    accept = Accept(
        state.model_copy(update={"lines": state.lines | booked, "releasing": releasing(state, leaving)}),
        requests=(*reversals(leaving), *map(posting, booked.values())),
        notices=(Notice("rerated", {"contract": plan.contract, "number": str(plan.number), "by": act.by}),),
    )
    return with_plans(accept, state, _without(state, plan))


def _anew(rated: RatedLine, line: BilledLine, key: ActorKey) -> BilledLine:
    """The line as it is booked at its new rate."""
    at = {"rate": rated.rate, "amount": rated.amount, "contract_version": rated.contract_version}
    body = line.body.model_copy(update=at)
    again = {"body": body, "turn": line.turn + 1, "digest": content(body), "posted": False}
    anew = line.model_copy(update=again)
    return anew.model_copy(update={"reference": command_reference(key, anew.name, 1)})


def _without(state: Timesheet, plan: Plan) -> dict[str, Plan]:
    return {contract: each for contract, each in state.plans.items() if contract != plan.contract}
