"""When a customer turns out to be another one: what it gives back, and who is told."""

from __future__ import annotations

from actors.customers.answers import moved
from actors.customers.failing import case, failing, topic
from actors.customers.lines import asked
from actors.customers.listing import unlisted
from actors.customers.ownership import TOPIC as OWNERSHIP
from actors.customers.puts import hold_back
from actors.customers.suspicion import TOPIC as DUPLICATE
from actors.customers.suspicion import held
from actors.decision import Accept, Context, Decision, Snapshot, Wait
from actors.policy import Policy
from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.customer.v1 import Absorbed
from schemas.facts import Case, Notice
from schemas.values import Reference
from schemas.verdicts import Failure, FailureClass

TOPIC = "merge"


def merged(state: Customer, into: Reference, context: Context) -> Decision:
    """The customer is another one from now on, or waits until that one is known."""
    winner = context.find(into.key("customer"))
    if winner.key == context.key:
        reason = f"{context.key.id} cannot be merged into itself, which {into.id or into.external_id} stands for"
        failure = Failure(
            FailureClass.CONFLICT, "merge_circle", f"{reason}: correct it where customers are kept", "into"
        )
        return Accept(state, cases=(Case(failure, topic=TOPIC, acts=(Act.RESOLVE,)),), remarks=(reason,))
    if not is_known(winner):
        return Wait(winner.key, f"{winner.key.id} is not known yet")
    return taken_over(state, winner, context)


def is_known(winner: Snapshot) -> bool:
    """Whether a customer can take the place of another."""
    return isinstance(winner.state, Customer) and winner.state.profile is not None and winner.state.merged_into is None


def taken_over(state: Customer, winner: Snapshot, context: Context) -> Decision:
    """`winner` takes the place of the customer. Its ids in other systems mean the winner from now on.

    Its claims are free, whoever asked for it and the winner are told, and what ERPs have of it is put on hold.
    """
    into = winner.key.id
    changed = state.model_copy(
        update={
            "merged_into": into, "status": "merged", "claims": {}, "candidates": (), "askers": (), "listing": None,
        }
    )  # fmt: skip
    brought = hold_back(changed, context)
    engagements = tuple(asker.engagement for asker in state.askers)
    messages = (
        *moved(engagements, context.key.id, into),
        *unlisted(state, context.key.id),
        ("customer.absorbed", Absorbed(to=into, customer=context.key.id)),
    )
    told, requests = asked(brought.state, messages)
    remarks = brought.remarks
    if state.on_hold and isinstance(winner.state, Customer) and not winner.state.on_hold:
        remarks = (*remarks, f"it was on credit hold, and {into} is not")
    return Accept(
        told,
        requests=(*brought.requests, *requests),
        releases=held(state),
        notices=(Notice("merged", {"into": into}),),
        cases=tuple(case(brought.state, code, failure) for code, failure in brought.failed.items()),
        settles=tuple(each for each in _topics(state, context.policy) if each not in set(map(topic, brought.failed))),
        remarks=remarks,
    )


def _topics(state: Customer, policy: Policy) -> tuple[str, ...]:
    """All that may stand open about it: there is nothing left to settle."""
    fields = sorted({field for rule in policy.ownership if rule.otherwise == "case" for field in rule.fields})
    owned = tuple(f"{OWNERSHIP}{field}" for field in fields)
    return (DUPLICATE, TOPIC, "parent", *map(topic, sorted(failing(state))), *owned)
