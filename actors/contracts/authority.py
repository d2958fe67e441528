"""Financial authority: which rules of approval apply to a change of a contract, and who may still meet them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from actors.decision import Ignore
from actors.policy import Approval, Policy
from schemas.acts import Act, Acted
from schemas.contract.entity import Contract, Held, HeldRenewal
from schemas.contract.v1 import ChangeOrderApproved, Renewed


def missing(contract: Contract, held: Held, policy: Policy) -> tuple[tuple[str, Approval], ...]:
    """The rules, by name, whose role has not approved yet. Whoever asked for the change never counts."""
    order = held.order
    granted = None if order.approved_by.id == order.requested_by else order.approved_by.role
    return tuple(
        (name, rule)
        for name, rule in _applying(contract, order, policy)
        if rule.role != granted and name not in held.approvals
    )


def missing_for_renewal(contract: Contract, held: HeldRenewal, policy: Policy) -> tuple[tuple[str, Approval], ...]:
    """The rules, by name, that nobody has approved a renewal by. One that moves the last day alone needs none."""
    renewal = held.renewal
    if renewal.value_change is None and not _changes_prices(contract, renewal):
        return ()
    return tuple((name, rule) for name, rule in _applying(contract, renewal, policy) if name not in held.approvals)


def _applying(
    contract: Contract, order: ChangeOrderApproved | Renewed, policy: Policy
) -> Iterator[tuple[str, Approval]]:
    for name, rule in policy.approvals.items():
        applies = (
            rule.flow == "contracts"
            and _is_above(rule, worth(contract, order), contract.currency or "")
            and (not rule.legal_entities or contract.legal_entity in rule.legal_entities)
            and rule.discount_above is None  # such a change has no discount,
            and rule.new_customer is not True  # and its customer is there already
        )
        if applies:
            yield name, rule


def _is_above(rule: Approval, worth: Decimal | None, currency: str) -> bool:
    """Whether a change is worth more than the rule lets pass; what is unknown is."""
    if not rule.amount_above or worth is None or currency not in rule.amount_above:
        return True
    return worth > rule.amount_above[currency]


def theirs(open_rules: Sequence[tuple[str, Approval]], act: Acted) -> list[str]:
    """The rules by which whoever acts may decide."""
    return [name for name, rule in open_rules if rule.role in act.roles]


def objection(what: str, open_rules: Sequence[tuple[str, Approval]], act: Acted) -> Ignore | None:
    """Why whoever acts does not decide on it by the policy as it is; None: they do."""
    if open_rules and not theirs(open_rules, act):
        roles = ", ".join(dict.fromkeys(rule.role for _, rule in open_rules))
        return Ignore(f"{what} is decided by {roles}, and {act.by} is not that")
    if not open_rules and act.act is Act.REJECT:
        return Ignore(f"by the policy as it is now nobody decides on {what}: approve it to go on")
    return None


def worth(contract: Contract, order: ChangeOrderApproved | Renewed) -> Decimal | None:
    """What a change is worth, up or down: the most of what it says and what it does to the billing schedule.

    None where nobody can know: it does not say, or it changes the rates or the retainer, by which any number of hours
    or months is billed.
    """
    if order.value_change is None or _changes_prices(contract, order):
        return None
    return max(abs(order.value_change.decimal), _moves(contract, order))


def money(contract: Contract, order: ChangeOrderApproved | Renewed) -> dict[str, Decimal]:
    """What is known to stand still with the change, by currency."""
    known = [] if order.value_change is None else [abs(order.value_change.decimal)]
    known += [_moves(contract, order)] if scheduled(order) is not None else []
    return {order.currency: max(known)} if known and order.currency is not None else {}


def scheduled(order: ChangeOrderApproved | Renewed) -> Decimal | None:
    """The sum of the instalments that a change brings; None where it leaves the schedule as it is."""
    if isinstance(order, Renewed) or order.schedule is None:
        return None
    return sum((row.amount.decimal for row in order.schedule), Decimal(0))


def _moves(contract: Contract, order: ChangeOrderApproved | Renewed) -> Decimal:
    """By how much more or less is billed by schedule; a fixed fee without one is billed at once."""
    after = scheduled(order)
    if after is None:
        return Decimal(0)
    at_once = contract.value if contract.method == "fixed_fee" and not contract.schedule else None
    before = at_once or sum((row.amount for row in contract.schedule), Decimal(0))
    return abs(after - before)


def _changes_prices(contract: Contract, order: ChangeOrderApproved | Renewed) -> bool:
    """Whether it has another price of an hour or of a month, of which any number may be billed."""
    if order.retainer is not None and order.retainer.decimal != contract.retainer:
        return True
    return order.rates is not None and {rate.role: rate.hourly.decimal for rate in order.rates} != contract.rates
