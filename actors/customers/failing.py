"""Why ERPs do not have the customer as it is, and what a person is told of it: one case for each legal entity."""

from __future__ import annotations

from typing import Final

from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.facts import Case
from schemas.verdicts import Failure

TOPIC: Final = "erp:"
ID_MISSING: Final = "id_missing"
"""The system says that it has the customer, but not under which id."""
NOT_HELD: Final = "not_held"
"""The customer went, and its record cannot be put on hold."""
UNLISTED: Final = "legal_entity_unmapped"
"""The policy does not name the legal entity, or not any more."""
_TOPIC_CODE: Final = 180
"""Characters of a legal entity's code that a topic names."""


def failing(state: Customer) -> dict[str, Failure]:
    """Legal entity -> why its ERPs cannot be asked, or what they refuse; of several, each names its system."""
    found = dict(state.failures)
    for code in dict.fromkeys(row.legal_entity for row in state.records):
        refused = [
            (row.system, row.failure) for row in state.records if row.legal_entity == code and row.failure is not None
        ]
        if refused and code not in found:
            failure = refused[0][1]
            named = "; ".join(f"{system}: {each.reason}" for system, each in refused)
            reason = failure.reason if len(refused) == 1 else named
            found[code] = Failure(failure.failure_class, failure.code, reason, failure.field)
    return found


def without_failures(state: Customer, legal_entity: str) -> Customer:
    """The customer as if nothing had failed there."""
    failures = {code: failure for code, failure in state.failures.items() if code != legal_entity}
    records = (
        row.model_copy(update={"failure": None}) if row.legal_entity == legal_entity else row for row in state.records
    )
    return state.model_copy(update={"failures": failures, "records": tuple(records)})


def topic(legal_entity: str) -> str:
    """The topic of the case about a legal entity's ERPs."""
    return f"{TOPIC}{legal_entity[:_TOPIC_CODE]}"


def case(state: Customer, legal_entity: str, failure: Failure) -> Case:
    """What a person is told when an ERP cannot get the customer."""
    return Case(failure, topic=topic(legal_entity), acts=acts_on(state, failure))


def acts_on(state: Customer, failure: Failure) -> tuple[Act, ...]:
    """What a person can do about it: what another try cannot mend, and what need not be, is closed by hand."""
    if failure.code == NOT_HELD:
        return (Act.RESOLVE,)
    if failure.code == UNLISTED or state.merged_into is not None:
        return (Act.RETRY, Act.RESOLVE)
    return (Act.RETRY,)
