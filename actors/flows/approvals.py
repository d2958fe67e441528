"""Who must approve a won deal: the policy's rules that apply to it.

Who asked for the deal, owns it, or changed it never may.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final

from actors.asking import digest_of
from actors.policy import Approval, Policy
from schemas.acts import Act, Acted
from schemas.engagement.entity import Engagement, Grant
from schemas.facts import Case
from schemas.project.v2 import OpportunityWon, Part
from schemas.verdicts import Failure, FailureClass

HOUR: Final = 3600


def rules_of(state: Engagement, sold: Collection[str], policy: Policy) -> dict[str, Approval]:
    """The rules by name that apply to what these legal entities sell: as it is, and as it was won before any edit.

    So an edit may ask for more approvals, and never for fewer.
    """
    if state.deal is None:
        return {}
    is_new = state.has_new_customer
    found = _rules_for(state.deal, sold, new_customer=is_new, policy=policy)
    if state.as_won is None:
        return found
    was_new = is_new if state.was_new is None else state.was_new
    return _rules_for(state.as_won, sold, new_customer=was_new, policy=policy) | found


def _rules_for(
    deal: OpportunityWon, sold: Collection[str], *, new_customer: bool, policy: Policy
) -> dict[str, Approval]:
    parts = [part for part in deal.parts if part.legal_entity in sold]
    return {
        name: rule
        for name, rule in policy.approvals.items()
        if rule.flow == "won_deals" and _applies(rule, deal, parts, new_customer=new_customer)
    }


def asked(deal: OpportunityWon, parts: Sequence[Part], tax_codes: Mapping[str, str]) -> str:
    """The digest of what is to be approved: these parts of the deal, with the tax codes that a person chose."""
    live = sorted(part.legal_entity for part in parts)
    chosen = (f"{code}={tax_code}" for code, tax_code in sorted(tax_codes.items()))
    return digest_of(deal.to_json(), "\n".join(live).encode(), "\n".join(chosen).encode())


def case_for(name: str, rule: Approval, deal: OpportunityWon, parts: Sequence[Part], asks: str) -> Case:
    """The case by which a role is asked to approve. `asks`: see `asked`."""
    money = totals(parts)
    worth = ", ".join(f"{amount} {currency}" for currency, amount in money.items()) or "unknown"
    discount = "" if deal.discount is None else f", discount {deal.discount} %"
    reason = (
        f"{deal.name} (worth {worth}{discount}) needs the approval of {rule.role} by rule {name}: approve or reject"
    )
    return Case(
        Failure(FailureClass.BUSINESS_RULE, "approval_needed", reason),
        topic_of(name),
        (Act.APPROVE, Act.REJECT),
        owner=rule.role,
        money=money,
        remind_after=rule.remind_hours * HOUR,
        due_after=rule.deadline_hours * HOUR,
        asks=asks,
    )


def topic_of(rule: str) -> str:
    """The topic of the case of a rule."""
    return f"approval:{rule}"


def refused_because(state: Engagement, rule: str, acted: Acted) -> str | None:
    """Why this person may not decide on this rule; None: he may."""
    role = state.pending[rule]
    if role not in acted.roles:
        return f"rule {rule} needs the role {role}"
    deal = state.deal
    if deal is not None and acted.by in {deal.requested_by, deal.owner, *state.editors}:
        return f"{acted.by} asked for the deal, owns it, or changed it, and so may not decide on it"
    return None


def of_running(state: Engagement) -> tuple[Grant, ...]:
    """The approvals as far as they are of parts that run already; what is to begin is approved for itself."""
    running = {part.legal_entity for part in state.parts if part.is_begun}
    trimmed = (
        grant.model_copy(update={"parts": tuple(code for code in grant.parts if code in running)})
        for grant in state.grants
    )
    return tuple(grant for grant in trimmed if grant.parts)


def totals(parts: Sequence[Part]) -> dict[str, Decimal]:
    """What the parts are known to be worth, by currency."""
    found: dict[str, Decimal] = {}
    for part in parts:
        if part.amount is not None:
            found[part.currency] = found.get(part.currency, Decimal(0)) + part.amount
    return found


def _applies(rule: Approval, deal: OpportunityWon, parts: Sequence[Part], *, new_customer: bool) -> bool:
    """Whether all that a rule names is so."""
    if rule.legal_entities and not any(part.legal_entity in rule.legal_entities for part in parts):
        return False
    if rule.new_customer is not None and rule.new_customer != new_customer:
        return False
    if rule.discount_above is not None and (deal.discount or Decimal(0)) <= rule.discount_above:
        return False
    return not rule.amount_above or _is_above(rule, parts)


def _is_above(rule: Approval, parts: Sequence[Part]) -> bool:
    """Whether the parts are worth more than a rule's limit; an unknown worth or a currency without a limit is above."""
    if any(part.amount is None for part in parts):
        return True
    found = totals(parts)
    return any(
        currency not in rule.amount_above or total > rule.amount_above[currency] for currency, total in found.items()
    )
