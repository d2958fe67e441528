"""Why a change order cannot be applied yet, and the case that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final

from actors.asking import digest_of
from actors.contracts.authority import missing, money, scheduled
from actors.policy import Approval, Flow, Mode, Policy
from schemas.acts import Act
from schemas.contract.entity import Contract, Held, topic_of
from schemas.contract.v1 import ChangeOrderApproved, Renewed
from schemas.facts import Case
from schemas.record import Record
from schemas.verdicts import Failure, FailureClass

HOUR: Final = 3600.0
MOST: Final = Decimal(10) ** 15
"""A value of a contract is below this: fifteen digits before the point, see `schemas.values.Amount`."""
RENEWAL: Final = "renewal"
"""Topic of the case of a renewal."""
DIGITS: Final = 12
"""Of an order's digest: it has to differ from the order that it takes the place of only."""
APPROVAL: Final = "approval:"
MISSING: Final = "missing:"
NOT_LIVE: Final = "not_live"


@dataclass(frozen=True, slots=True)
class Hold:
    """`why` is stable while the same order lacks the same. `case` is None where another version's case says it all."""

    why: str
    case: Case | None


def hold_of(contract: Contract, version: int, held: Held, policy: Policy) -> Hold | None:
    """What the change order lacks; None when it can be applied now."""
    if contract.version == 0:
        reason = f"version {version} is held: the contract itself is not known yet, send contract.activated"
        return _lacking(contract, held, "contract", "contract_missing", reason)
    if version > contract.version + 1:
        gap = next((number for number in range(contract.version + 1, version) if number not in contract.held), None)
        if gap is None:
            return Hold("behind", None)
        reason = (
            f"version {version} is held: version {gap} is missing, send it, or settle this case as resolved where "
            "there is none"
        )
        return _lacking(contract, held, f"{MISSING}{gap}", "version_missing", reason, Act.RESOLVE)
    mistake = _mistake(contract, version, held)
    if mistake is not None:
        acts = (Act.CANCEL,)
        return _hold(
            mistake.code, held.order, Case(mistake, topic_of(version), acts, money=money(contract, held.order))
        )
    for name, rule in missing(contract, held, policy):
        failure = Failure(
            FailureClass.BUSINESS_RULE,
            "authority_missing",
            f"version {version} of the contract needs the approval of {rule.role} by the rule {name}; "
            f"{held.order.approved_by.id} approved it as {held.order.approved_by.role}",
            "approved_by",
        )
        case = _to_approve(failure, topic_of(version), rule, money(contract, held.order))
        return _hold(f"{APPROVAL}{name}", held.order, case)
    silent = not_live(contract, policy)
    if silent is not None:
        reason = f"version {version} is held: {silent}, then retry"
        failure = Failure(FailureClass.MAPPING, "contracts_not_live", reason, "legal_entity")
        case = Case(failure, topic_of(version), (Act.RETRY, Act.CANCEL), money=money(contract, held.order))
        return _hold(NOT_LIVE, held.order, case)
    return None


def not_live(contract: Contract, policy: Policy) -> str | None:
    """Why nothing of the contract is sent now, and what to change; None: it is live."""
    legal_entity = policy.legal_entities.get(contract.legal_entity or "")
    mode = Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.CONTRACTS)
    if mode is Mode.LIVE:
        return None
    return f"the policy has contracts of {contract.legal_entity} in mode {mode}: set them live"


def asked_of(held: Held) -> str | None:
    """The digest of what the case of a change order asks; None where it has none."""
    return None if held.why is None else digest_of(held.why.encode())


def renewal_case(contract: Contract, renewal: Renewed, name: str, rule: Approval) -> Case:
    """The case of a renewal that a rule's role must approve."""
    failure = Failure(
        FailureClass.BUSINESS_RULE,
        "authority_missing",
        f"the renewal until {renewal.ends_on} needs the approval of {rule.role} by the rule {name}",
    )
    asks = digest_of(name.encode(), rule.role.encode(), renewal.to_json())
    return replace(_to_approve(failure, RENEWAL, rule, money(contract, renewal)), asks=asks)


def _to_approve(failure: Failure, topic: str, rule: Approval, amounts: Mapping[str, Decimal]) -> Case:
    return Case(
        failure, topic, (Act.APPROVE, Act.REJECT), rule.role, amounts, rule.remind_hours * HOUR,
        rule.deadline_hours * HOUR,
    )  # fmt: skip


def _hold(why: str, order: Record, case: Case) -> Hold:
    """`why` names the order too, and who must act: what is sent again changed has its case opened anew."""
    digest = sha256(order.to_json()).hexdigest()[:DIGITS]
    why = ":".join((why, *((case.owner,) if case.owner is not None else ()), digest))
    return Hold(why, replace(case, asks=digest_of(why.encode())))


def _lacking(contract: Contract, held: Held, why: str, code: str, reason: str, *acts: Act) -> Hold:
    failure, topic = Failure(FailureClass.MISSING_REFERENCE, code, reason, "version"), topic_of(held.order.version)
    case = Case(failure, topic, (*acts, Act.CANCEL), money=money(contract, held.order))
    return _hold(why, held.order, case)


def _mistake(contract: Contract, version: int, held: Held) -> Failure | None:
    """What is wrong with the order itself, which its sender mends by sending the same version again."""
    order = held.order
    if order.currency not in (None, contract.currency):
        reason = f"the contract is in {contract.currency} for good, not in {order.currency}"
        return _wrong(version, "currency_differs", reason, "value_change")
    if order.ends_on is not None and contract.starts_on is not None and order.ends_on < contract.starts_on:
        reason = f"it would end on {order.ends_on}, before it starts on {contract.starts_on}"
        return _wrong(version, "period_order", reason, "ends_on")
    if order.retainer is not None and contract.method != "retainer":
        reason = f"the contract is billed by {contract.method}, and has no retainer"
        return _wrong(version, "retainer_unknown", reason, "retainer")
    if contract.value is not None and order.value_change is not None:
        value = contract.value + order.value_change.decimal
        if not 0 <= value < MOST:
            reason = f"its value would become {value} {contract.currency}"
            return _wrong(version, "value_impossible", reason, "value_change")
    unequal = unbalanced(contract, order)
    return None if unequal is None else _wrong(version, "schedule_differs", unequal, "schedule")


def unbalanced(contract: Contract, order: ChangeOrderApproved | Renewed) -> str | None:
    """Why nothing would bill all of a fixed fee: it is billed by its instalments, so both have to be the same sum."""
    due = scheduled(order)
    change = Decimal(0) if order.value_change is None else order.value_change.decimal
    if contract.method != "fixed_fee" or contract.value is None or (due is None and not change):
        return None
    if due is None:
        due = sum((row.amount for row in contract.schedule), Decimal(0))
    fee = contract.value + change
    if due in (0, fee):  # without instalments it is billed at once
        return None
    return f"the instalments add up to {due} {contract.currency}, the fixed fee would be {fee}"


def _wrong(version: int, code: str, reason: str, field: str) -> Failure:
    sentence = f"version {version} is held: {reason}; send version {version} again with it corrected"
    return Failure(FailureClass.BUSINESS_RULE, code, sentence, field)
