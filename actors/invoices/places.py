"""Where an invoice belongs: its customer, project, and contract, under the ids of the systems that are asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from actors.decision import Context, Reject, Wait
from actors.policy import LegalEntity, Policy
from schemas.contract.entity import Contract
from schemas.customer.entity import Customer
from schemas.invoice.entity import Invoice, Places
from schemas.invoice.v1 import Issued, Posted
from schemas.keys import ActorKey
from schemas.project.entity import Project
from schemas.verdicts import Failure, FailureClass

IN_ERP: Final = {"customer", "erp", "customer_in_erp", "project_in_erp", "contract_reference"}
"""What of an invoice's places says where and as what the ERP is to have it."""


def wanted(invoice: Issued | Posted) -> Iterator[ActorKey]:
    """What an invoice names."""
    yield invoice.customer.key("customer")
    if invoice.project is not None:
        yield invoice.project.key("project")
    if invoice.contract is not None and isinstance(invoice, Issued):
        yield invoice.contract.key("contract")


def owing(state: Invoice) -> Iterator[ActorKey]:
    """Who owes it, as far as that is known."""
    if state.places is not None:
        yield ActorKey("customer", state.places.customer)


def moved(state: Invoice, context: Context) -> Invoice:
    """The invoice with the customer who took the place of the one that it was issued to."""
    if state.places is None:
        return state
    customer = context.find(ActorKey("customer", state.places.customer)).key.id
    return state.model_copy(update={"places": state.places.model_copy(update={"customer": customer})})


def places(invoice: Issued | Posted, context: Context, *, is_posted: bool) -> Places | Wait | Reject:
    """Where it belongs, or what has to come first. What is posted already needs no ids of the ERP."""
    legal_entity = context.policy.legal_entities.get(invoice.legal_entity)
    if legal_entity is None:
        reason = f"add legal entity {invoice.legal_entity} to the policy file, then retry"
        return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason, "legal_entity"))
    at_customer = context.find(invoice.customer.key("customer"))
    customer = at_customer.state
    if not isinstance(customer, Customer) or customer.profile is None:
        return Wait(at_customer.key, "the customer of the invoice is not known yet")
    at_project = None if invoice.project is None else context.find(invoice.project.key("project"))
    project = None if at_project is None else at_project.state
    if at_project is not None and (not isinstance(project, Project) or project.legal_entity is None):
        return Wait(at_project.key, "the project of the invoice is not known yet")
    found = Places(
        customer=at_customer.key.id,
        crm=legal_entity.route("invoice.put", invoice.issued_on),
        engine=_engine(legal_entity, invoice.issued_on),
    )
    if at_project is not None and isinstance(project, Project):
        psa = legal_entity.resumed("receivable.put", invoice.issued_on, "psa", project.psa)
        delivered = {
            "project_id": at_project.key.id, "opportunity_id": project.opportunity_id, "psa": psa,
            "project_in_psa": project.psa_id if psa == project.psa else None,
        }  # fmt: skip
        found = found.model_copy(update=delivered)
    if is_posted or isinstance(invoice, Posted):
        return found
    return _in_erp(found, invoice, legal_entity, context)


def books_of(at: Places, invoice: Posted, source: str, policy: Policy) -> str | None:
    """The ERP in whose books a posted invoice is: the one that says so, or else the one that posts for its issuer."""
    legal_entity = policy.legal_entities.get(invoice.legal_entity)
    if legal_entity is None:
        return at.erp
    system = policy.systems_of.get(source)
    if system is not None and system in erps(at, legal_entity):
        return system
    return at.erp or legal_entity.system("erp", invoice.issued_on)


def erps(at: Places, legal_entity: LegalEntity) -> frozenset[str | None]:
    """The ERPs in whose books an invoice may be."""
    return frozenset({at.erp, legal_entity.erp, *(later.system for later in legal_entity.successors.get("erp", ()))})


def _engine(legal_entity: LegalEntity, on: date) -> str | None:
    """The billing engine beside the ERP; None where the ERP bills by itself."""
    engine = legal_entity.system("billing", on)
    return None if engine == legal_entity.system("erp", on) else engine


def _in_erp(found: Places, invoice: Issued, legal_entity: LegalEntity, context: Context) -> Places | Wait | Reject:
    """The same with the ids by which the ERP posts it, where one does."""
    project = None if invoice.project is None else context.find(invoice.project.key("project")).state
    failure = _mistake(invoice, project) if isinstance(project, Project) else None
    if failure is not None:
        return Reject(failure)
    begun = project.erp if isinstance(project, Project) else None
    erp = legal_entity.resumed("invoice.post", invoice.issued_on, "erp", begun)
    if erp is None:
        return found
    at_customer = context.find(invoice.customer.key("customer"))
    customer, keeper = at_customer.state, legal_entity.resumed("customer.put", invoice.issued_on, "erp", begun) or erp
    known_as = customer.erp_id(invoice.legal_entity, keeper) if isinstance(customer, Customer) else None
    if known_as is None:
        return Wait(at_customer.key, f"{keeper} does not have the customer for {invoice.legal_entity} yet")
    project_in_erp = project.erp_id if isinstance(project, Project) else None
    if invoice.project is not None and begun is not None and project_in_erp is None:
        return Wait(context.find(invoice.project.key("project")).key, f"{begun} does not have the project yet")
    reference = None
    if invoice.contract is not None:
        at_contract = context.find(invoice.contract.key("contract"))
        if not isinstance(at_contract.state, Contract) or not at_contract.state.version:
            return Wait(at_contract.key, "the contract of the invoice is not known yet")
        reference = at_contract.state.reference or at_contract.key.id
    update = {
        "erp": erp, "customer_in_erp": known_as, "project_in_erp": project_in_erp, "contract_reference": reference
    }  # fmt: skip
    return found.model_copy(update=update)


def _mistake(invoice: Issued, project: Project) -> Failure | None:
    """Why the invoice cannot be of its project."""
    if project.legal_entity != invoice.legal_entity:
        reason = f"the project is billed by {project.legal_entity}, not by {invoice.legal_entity}: issue it there"
        return Failure(FailureClass.BUSINESS_RULE, "legal_entity_differs", reason, "legal_entity")
    if project.currency != invoice.currency:
        reason = f"the project is in {project.currency}, not in {invoice.currency}; nothing is converted here"
        return Failure(FailureClass.BUSINESS_RULE, "currency_differs", reason, "currency")
    return None
