"""What each failure class means for a person: the role that settles it, and how it is mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from adapters.ports.cases import Owned
from schemas.verdicts import FailureClass


@dataclass(frozen=True, slots=True)
class ClassRule:
    """`owner` is the role that settles cases of the class, unless a case names another."""

    owner: str
    fix: str


CLASSES: Final[Mapping[FailureClass, ClassRule]] = MappingProxyType(
    {
        FailureClass.SCHEMA: ClassRule(
            "sender", "Let the sender correct the event and send it under a new id, then cancel this one."
        ),
        FailureClass.AUTH: ClassRule(
            "sre", "Renew the credential, or correct who may send what in the policy file; then resume or retry."
        ),
        FailureClass.MAPPING: ClassRule("finance", "Add the missing entry to the policy file, reload it, then retry."),
        FailureClass.MISSING_REFERENCE: ClassRule(
            "sender", "See that the missing event is sent: what waits for it goes on by itself, and the case closes."
        ),
        FailureClass.DUPLICATE: ClassRule(
            "sales-ops", "Look at both records: merge them, or correct the one that is wrong, then retry."
        ),
        FailureClass.CONFLICT: ClassRule(
            "sender", "Find out which content is right, let it be sent under a new id, then resolve the case."
        ),
        FailureClass.BUSINESS_RULE: ClassRule(
            "finance", "Correct what the reason names in its source, then retry; or cancel what should not happen."
        ),
        FailureClass.RATE_LIMITED: ClassRule("sre", "Wait, or raise the system's limits; then retry."),
        FailureClass.UNAVAILABLE: ClassRule("sre", "Mend the system or the way to it, then retry."),
        FailureClass.TIMEOUT: ClassRule(
            "sre", "Find out why the system does not answer; what waits for it goes on by itself once it does."
        ),
        FailureClass.UNKNOWN_OUTCOME: ClassRule(
            "sre", "Look in the system for the reference, and settle the case with what you find; or retry if it can."
        ),
        FailureClass.INTERNAL: ClassRule(
            "sre", "Report it; it is a fault of the gateway. Retry once a release is installed that mends it."
        ),
    }
)
"""Every class; the owners can be read here alone, so that a policy may one day say otherwise."""


def owner_of(named: str | None, failure_class: FailureClass) -> str:
    """The role that settles a case: the one that its decision named, or its class's."""
    return named or CLASSES[failure_class].owner


def owned_by(role: str) -> Owned:
    """The cases of a role."""
    return Owned(role, tuple(kind for kind, rule in CLASSES.items() if rule.owner == role))
