"""What a person can do about an ERP that cannot get the customer: have it tried again, or close the case."""

from __future__ import annotations

from actors.customers.answers import obstacle
from actors.customers.failing import acts_on, failing, topic, without_failures
from actors.customers.outcome import concluded
from actors.customers.puts import bring, hold_back
from actors.decision import Accept, Context, Decision, Ignore
from schemas.acts import Act
from schemas.customer.entity import Customer


def retried(state: Customer, code: str, context: Context) -> Decision:
    """Its ERPs are asked once more. A try that would come to the same is none: it is said what must be done first."""
    failure, is_merged = failing(state)[code], state.merged_into is not None
    if Act.RETRY not in acts_on(state, failure):
        return Ignore(failure.reason)
    brought = hold_back(state, context, (code,)) if is_merged else bring(state, context, (code,))
    if brought.state != state:
        return concluded(state, brought, context)
    first = obstacle(state) if state.status == "duplicate?" else None
    return Ignore((first or failure).reason)


def resolved(state: Customer, code: str) -> Decision:
    """A person has seen to it, where nothing that is sent can mend it, or need."""
    failure = failing(state)[code]
    if Act.RESOLVE not in acts_on(state, failure):
        return Ignore(f"the customer is still to be in the ERP of {code}: {failure.reason}")
    return Accept(without_failures(state, code), settles=(topic(code),))
