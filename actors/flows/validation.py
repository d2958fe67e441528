"""What a won deal must have before anything is set up: all that is missing is named at once, with how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from actors.flows.ids import CONTRACT, PROJECT
from actors.flows.parts import contract_id, project_id
from actors.policy import LegalEntity, Policy
from schemas.contract.entity import Contract
from schemas.customer.entity import Customer
from schemas.facts import Claim
from schemas.project.v2 import OpportunityWon, Part
from schemas.values import ID_BYTES
from schemas.verdicts import Failure, FailureClass


class Miss(NamedTuple):
    """What is missing: the field, the rule that it breaks, and how to mend it. `legal_entity` None: in every part."""

    failure_class: FailureClass
    code: str
    field: str
    mend: str
    legal_entity: str | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.mend}"


class Examined(NamedTuple):
    """A deal, the engagement that it is on, and what is known of its customer."""

    engagement: str
    deal: OpportunityWon
    customer_id: str
    customer: Customer
    policy: Policy
    taken: Mapping[Claim, str] = MappingProxyType({})
    """Ids of projects and contracts that are another engagement's: claim -> that engagement."""
    standing: Mapping[str, Contract] = MappingProxyType({})
    """Contracts that came without a deal and are no deal's now, by id."""


def misses(examined: Examined, parts: Sequence[Part], tax_codes: dict[str, str]) -> tuple[Miss, ...]:
    """What these parts of the deal miss. `tax_codes`: legal entity -> the one that a person chose."""
    found = [*_customer(examined)]
    for part in parts:
        found += _part(examined, part, tax_codes.get(part.legal_entity))
        found += _taken(examined, part)
    found += _ids(examined)
    return tuple(found)


def failure_of(found: Sequence[Miss]) -> Failure:
    """The cause of a case about them: class, code, and field are the first one's, the reason names them all."""
    first = found[0]
    reason = "; ".join(str(miss) for miss in found)
    return Failure(first.failure_class, first.code, f"{reason}; then retry", first.field)


def _customer(examined: Examined) -> Iterator[Miss]:
    who = f"customer {examined.customer_id}"
    if examined.customer.status == "duplicate?":
        mend = f"{who} is probably another customer: settle its case `duplicate`"
        yield Miss(FailureClass.DUPLICATE, "customer_duplicate", "customer", mend)
    if examined.customer.on_hold:
        yield Miss(
            FailureClass.BUSINESS_RULE, "credit_hold", "customer", f"{who} is on credit hold: have finance release it"
        )


def _part(examined: Examined, part: Part, chosen_tax_code: str | None) -> Iterator[Miss]:
    code, at = part.legal_entity, f"parts.{part.legal_entity}"
    legal_entity = examined.policy.legal_entities.get(code)
    if legal_entity is None:
        yield _unmapped(part, "legal_entity", f"add legal entity {code} to the policy file")
    else:
        yield from _tax(examined, part, legal_entity, chosen_tax_code)
    if part.service_line not in examined.policy.service_lines:
        mend = f"add service line {part.service_line} to the policy file, or choose another by edit-retry"
        yield _unmapped(part, "service_line", mend)
    for broken, code_, field, mend in _terms(part):
        if broken:
            yield Miss(FailureClass.BUSINESS_RULE, code_, f"{at}.{field}", mend, code)


def _tax(examined: Examined, part: Part, legal_entity: LegalEntity, chosen: str | None) -> Iterator[Miss]:
    """The deal's tax code, which a person may choose; an ERP that does not have the customer needs its profile, too."""
    code, field = part.legal_entity, f"parts.{part.legal_entity}.tax_code"
    if chosen is not None and chosen not in legal_entity.tax_codes.values():
        mend = f"tax code {chosen} is none of {code}: choose one of its tax codes in the policy file"
        yield Miss(FailureClass.MAPPING, "tax_code_unknown", field, mend, code)
        return
    is_made = _is_made(examined.customer, part, legal_entity)
    if chosen is not None and is_made:
        return
    or_else = ", or choose the tax code by edit-retry" if is_made else ", without which the ERP cannot get the customer"
    profile = examined.customer.tax_profile(code)
    if profile is None:
        mend = f"set the tax profile of customer {examined.customer_id}{or_else}"
        yield Miss(FailureClass.MAPPING, "tax_profile_missing", field, mend, code)
    elif profile not in legal_entity.tax_codes:
        mend = f"add tax profile {profile} of {code} to the policy file{or_else}"
        yield Miss(FailureClass.MAPPING, "tax_profile_unmapped", field, mend, code)


def _is_made(customer: Customer, part: Part, legal_entity: LegalEntity) -> bool:
    """Whether the customer need not be made for the part: its ERP has it, or takes none, or the day is yet unknown."""
    day = part.contract.starts_on
    system = None if day is None else legal_entity.route("customer.put", day)
    return system is None or customer.erp_id(part.legal_entity, system) is not None


def _terms(part: Part) -> Iterator[tuple[bool, str, str, str]]:
    """Whether a rule is broken, its code, the field, and how to mend it: what the statement of work must carry."""
    billing, agreed = part.billing, part.contract
    due = sum((row.amount.decimal for row in billing.schedule), Decimal(0))
    by_hours = billing.method == "time_and_materials"
    yield (
        billing.method is None, "billing_method_missing", "billing.method",
        "say how it is billed: time_and_materials, fixed_fee, or retainer",
    )  # fmt: skip
    yield by_hours and not billing.rates, "rates_missing", "billing.rates", "list each role with its hourly rate"
    yield (
        billing.method in {"fixed_fee", "retainer"} and billing.fee is None, "fee_missing", "billing.fee",
        "name the fixed fee, or the retainer per month",
    )  # fmt: skip
    yield (
        bool(billing.schedule) and billing.fee is not None and due != billing.fee.decimal, "schedule_differs",
        "billing.schedule", f"let the instalments, {due}, add up to the fee",
    )  # fmt: skip
    yield agreed.signed_on is None, "contract_unsigned", "contract.signed_on", "have the statement of work signed"
    yield agreed.starts_on is None, "start_missing", "contract.starts_on", "name the first day of work"


def _taken(examined: Examined, part: Part) -> Iterator[Miss]:
    """A project or contract that another engagement has is not set up a second time."""
    at = f"parts.{part.legal_entity}"
    for what, field, claim in (
        ("project", "project_id", Claim(PROJECT, project_id(examined.engagement, examined.deal, part))),
        ("contract", "contract.id", Claim(CONTRACT, contract_id(examined.deal, part))),
    ):
        holder = examined.taken.get(claim)
        if holder is not None:
            mend = f"{what} {claim.value} belongs to engagement {holder}: name another by edit-retry, or cancel"
            yield Miss(FailureClass.CONFLICT, f"{what}_taken", f"{at}.{field}", mend, part.legal_entity)
    yield from _standing(examined, part)


def _standing(examined: Examined, part: Part) -> Iterator[Miss]:
    """A contract that came without a deal has a deal won under it only where it is in force on the deal's project."""
    id_ = contract_id(examined.deal, part)
    contract = examined.standing.get(id_)
    if contract is None:
        return
    field, another = f"parts.{part.legal_entity}.contract.id", "name another by edit-retry, or cancel"
    here = (project_id(examined.engagement, examined.deal, part), part.legal_entity, part.currency)
    if contract.status != "in_force":
        mend = f"contract {id_} is {contract.status}: {another}"
    elif (contract.project_id, contract.legal_entity, contract.currency) != here:
        of = f"project {contract.project_id} of {contract.legal_entity} in {contract.currency}"
        mend = f"contract {id_} is in force already, on {of}: {another}"
    elif contract.billing is not None and contract.billing_id is None:
        mend = f"contract {id_} is in force already, and {contract.billing} does not have it yet: see to that first"
    else:
        return
    yield Miss(FailureClass.CONFLICT, "contract_taken", field, mend, part.legal_entity)


def _ids(examined: Examined) -> Iterator[Miss]:
    """Each project and contract needs an id of its own, which must be short enough to be one."""
    for field, ids in (
        ("project_id", [project_id(examined.engagement, examined.deal, part) for part in examined.deal.parts]),
        ("contract.id", [contract_id(examined.deal, part) for part in examined.deal.parts]),
    ):
        for id, count in Counter(ids).items():
            if count > 1:
                yield Miss(FailureClass.BUSINESS_RULE, "id_repeated", field, f"{id} is in several parts: name each")
            if len(id.encode()) > ID_BYTES:
                yield Miss(FailureClass.BUSINESS_RULE, "id_too_long", field, f"{id} is too long: name a shorter one")


def _unmapped(part: Part, what: str, mend: str) -> Miss:
    field = f"parts.{part.legal_entity}.{what}"
    return Miss(FailureClass.MAPPING, f"{what}_unmapped", field, mend, part.legal_entity)
