"""Financial authority: which rules of approval apply to a change order, and which of them nobody has met yet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from actors.policy import Approval, Policy
from schemas.contract.entity import Contract, Held
from schemas.contract.v1 import ChangeOrderApproved


def missing(contract: Contract, held: Held, policy: Policy) -> tuple[tuple[str, Approval], ...]:
    """The rules, by name, whose role has not approved yet. Whoever asked for the change never counts."""
    order = held.order
    granted = None if order.approved_by.id == order.requested_by else order.approved_by.role
    return tuple(
        (name, rule)
        for name, rule in _applying(contract, order, policy)
        if rule.role != granted and name not in held.approvals
    )


def _applying(contract: Contract, order: ChangeOrderApproved, policy: Policy) -> Iterator[tuple[str, Approval]]:
    for name, rule in policy.approvals.items():
        applies = (
            rule.flow == "contracts"
            and _is_above(rule, order, contract.currency or "")
            and (not rule.legal_entities or contract.legal_entity in rule.legal_entities)
            and rule.discount_above is None  # a change order has no discount,
            and rule.new_customer is not True  # and its customer is there already
        )
        if applies:
            yield name, rule


def _is_above(rule: Approval, order: ChangeOrderApproved, currency: str) -> bool:
    """Whether the change is worth more than the rule lets pass; what a change is worth that does not say is unknown."""
    if not rule.amount_above or order.value_change is None or currency not in rule.amount_above:
        return True
    return abs(order.value_change.decimal) > rule.amount_above[currency]


def worth(order: ChangeOrderApproved) -> dict[str, Decimal]:
    """What stands still with the order, by currency."""
    change = order.value_change
    return {} if change is None else {change.currency: abs(change.decimal)}
