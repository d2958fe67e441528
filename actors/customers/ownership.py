"""Who may change which field of a customer: what a source does not own is left as it was, and said so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from actors.policy import Ownership, Policy
from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.customer.v1 import Upserted
from schemas.facts import Case
from schemas.verdicts import Failure, FailureClass

REQUIRED: Final = frozenset({"name", "country", "currency"})
"""Fields that a first snapshot brings whoever sends it: without them there is no customer to be owned."""
SHARED: Final = tuple(name for name in Upserted.model_fields if name not in {"legal_entities", "tax_profile"})
"""Fields that are the same for all legal entities."""
TOPIC: Final = "ownership:"


@dataclass(frozen=True, slots=True)
class Left:
    """A change that was left out. `legal_entity`: where it was, None: everywhere."""

    field: str
    rule: Ownership
    source: str
    legal_entity: str | None = None

    @property
    def remark(self) -> str:
        """What the timeline says of it."""
        place = "" if self.legal_entity is None else f" of {self.legal_entity}"
        return f"{self.field}{place}: owned by {self.rule.owner}, {self.source} may not change it"

    @property
    def case(self) -> Case:
        """What a person is told of it, where the rule wants that."""
        reason = (
            f"{self.remark}: change it in {self.rule.owner}, or name another owner in the policy file; then resolve"
        )
        failure = Failure(FailureClass.BUSINESS_RULE, "field_not_owned", reason, self.field)
        return Case(failure, topic=f"{TOPIC}{self.field}", acts=(Act.RESOLVE,))


@dataclass(frozen=True, slots=True)
class Sender:
    """A source, and what the policy lets it change."""

    source: str
    policy: Policy

    def barred(self, field: str, legal_entities: Iterable[str] = ()) -> Ownership | None:
        """The rule that keeps it from changing a field of a customer of these legal entities. The first that fits."""
        for rule in self.policy.ownership:
            if field not in rule.fields:
                continue
            if not rule.legal_entities or not set(rule.legal_entities).isdisjoint(legal_entities):
                return None if rule.owner == self.policy.systems_of.get(self.source) else rule
        return None

    def left(self, field: str, rule: Ownership, legal_entity: str | None = None) -> Left:
        """Its change of a field, as it was left out."""
        return Left(field, rule, self.source, legal_entity)


def owned(state: Customer, profile: Upserted, sender: Sender) -> tuple[Customer, tuple[Left, ...]]:
    """The customer after a snapshot, and what was left out of it.

    A field that is left out of a snapshot is emptied by whoever owns it, and by nobody else. The tax profile that a
    single legal entity has of its own stays.
    """
    before = state.profile
    codes = {*profile.legal_entities, *state.traded, *(() if before is None else before.legal_entities)}
    lefts: list[Left] = []
    kept: dict[str, Any] = {}
    for field in SHARED:
        rule = sender.barred(field, codes)
        if rule is None or (before is None and field in REQUIRED):
            continue
        old, new = None if before is None else getattr(before, field), getattr(profile, field)
        kept[field] = old
        if new is not None and new != old:
            lefts.append(sender.left(field, rule))
    kept["legal_entities"] = _legal_entities(state, profile, sender, lefts)
    kept["tax_profile"], tax_profiles = _tax_profiles(state, profile, sender, lefts)
    changed = profile.model_copy(update=kept)
    return state.model_copy(update={"profile": changed, "tax_profiles": tax_profiles}), tuple(lefts)


def _legal_entities(state: Customer, profile: Upserted, sender: Sender, lefts: list[Left]) -> tuple[str, ...]:
    """Each legal entity comes and goes by itself; a first snapshot brings its own."""
    if state.profile is None:
        return profile.legal_entities
    before = state.profile.legal_entities
    result = [code for code in before if code in profile.legal_entities]
    for code in (*before, *profile.legal_entities):
        if code in result or (code in before and code in profile.legal_entities):
            continue
        rule = sender.barred("legal_entities", (code,))
        if rule is not None:
            lefts.append(sender.left("legal_entities", rule, code))
        if (code in before) == (rule is not None):
            result.append(code)
    return tuple(result)


def _tax_profiles(
    state: Customer, profile: Upserted, sender: Sender, lefts: list[Left]
) -> tuple[str | None, dict[str, str | None]]:
    """The tax profile for legal entities without one of their own, and those that have one."""
    new = profile.tax_profile
    before = None if state.profile is None else state.profile.tax_profile
    anywhere = sender.barred("tax_profile")
    common = new if anywhere is None else before
    own: dict[str, str | None] = {}
    named = {code for rule in sender.policy.ownership if "tax_profile" in rule.fields for code in rule.legal_entities}
    for code in sorted({*profile.legal_entities, *state.traded, *state.tax_profiles, *named}):
        rule, old = sender.barred("tax_profile", (code,)), state.tax_profile(code)
        if rule is None:
            if code in state.tax_profiles and new is None:
                own[code] = old
            elif new != common:
                own[code] = new
            continue
        if old != common:
            own[code] = old
        if new not in (None, old) and code in {*profile.legal_entities, *state.traded}:
            lefts.append(sender.left("tax_profile", rule, code))
    return common, own
