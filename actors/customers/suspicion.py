"""Whether a customer may be one that is there already: by what one alone may hold, and by names nearly the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.asking import digest_of
from actors.customers.names import Likeness, compared, directory_of, nearest
from actors.decision import Context
from schemas.acts import Act
from schemas.customer.entity import Candidate, Customer
from schemas.customer.v1 import Upserted
from schemas.directory.entity import Directory
from schemas.facts import Case, Claim
from schemas.keys import ActorKey
from schemas.values import Reference
from schemas.verdicts import Failure, FailureClass

TOPIC: Final = "duplicate"
_SAME: Final = {
    "customer.tax_id": "same tax id", "customer.name": "same name and country", "customer.domain": "same domain",
}  # fmt: skip


def wanted_claims(profile: Upserted) -> tuple[Claim, ...]:
    """What one customer alone may hold: its tax id, its name in its country, its domain."""
    name = compared(profile.name)
    found = {
        "customer.tax_id": f"{profile.country}/{profile.tax_id}" if profile.tax_id is not None else None,
        "customer.name": f"{profile.country}/{name}" if name else None,
        "customer.domain": profile.domain,
    }
    return tuple(Claim(scope, value) for scope, value in found.items() if value is not None)


def held(state: Customer) -> tuple[Claim, ...]:
    """What it holds."""
    return tuple(Claim(scope, value) for scope, value in state.claims.items())


def is_renamed(before: Upserted | None, profile: Upserted) -> bool:
    """Whether anything by which duplicates are noticed is another now."""
    return before is None or wanted_claims(before) != wanted_claims(profile)


def directories(state: Customer, profile: Upserted) -> Iterator[ActorKey]:
    """The directories that a snapshot may be looked up in, whatever its sender may change."""
    known = (profile,) if state.profile is None else (profile, state.profile)
    if state.status != "duplicate?" and not is_renamed(state.profile, profile):
        return
    for country in {each.country for each in known}:
        for name in {compared(each.name) for each in known}:
            key = directory_of(country, name)
            if key is not None:
                yield key


def candidates(state: Customer, profile: Upserted, context: Context) -> tuple[Candidate, ...]:
    """Whom the customer may be, the likeliest first; those that a person has told apart from it are left out."""
    found: dict[str, Candidate] = {}
    alike = {each.id: each for each in _alike(state, profile, context)}
    for claim in wanted_claims(profile):
        holder = context.taken.get(claim)
        if holder is None or holder.id in state.distinct_from or holder.id in found:
            continue
        if claim.scope == "customer.domain" and holder == _parent(profile.parent, context):
            continue
        name = alike[holder.id].name if holder.id in alike else None
        found[holder.id] = Candidate(id=holder.id, name=name, why=_SAME[claim.scope], score=100)
    for each in alike.values():
        if each.id not in found:
            found[each.id] = Candidate(id=each.id, name=each.name, why="similar name", score=each.score)
    return tuple(found.values())


def doubt_of(profile: Upserted, found: tuple[Candidate, ...]) -> str:
    """The digest of what a person is asked: who it is, by what duplicates are noticed, and whom it may be."""
    claims = (f"{claim.scope} {claim.value}".encode() for claim in wanted_claims(profile))
    others = (f"{each.id} {each.name} {each.why} {each.score}".encode() for each in found)
    return digest_of(profile.name.encode(), b"may be", *claims, b"like", *others)


def suspected(found: tuple[Candidate, ...], doubt: str | None) -> Case:
    """What a person is asked."""
    named = "; ".join(
        f"{each.id}{'' if each.name is None else f' {each.name}'} ({each.why}"
        f"{f', {each.score} %' if each.why == 'similar name' else ''})"
        for each in found
    )
    reason = (
        f"it may be {named}: approve if it is another customer, or cancel if it is the same, with changes "
        '{"into": id of the one that stays}'
    )
    return Case(
        Failure(FailureClass.DUPLICATE, "probable_duplicate", reason, "customer"),
        topic=TOPIC,
        acts=(Act.APPROVE, Act.CANCEL),
        asks=doubt,
    )


def _alike(state: Customer, profile: Upserted, context: Context) -> tuple[Likeness, ...]:
    name = compared(profile.name)
    key = directory_of(profile.country, name)
    snapshot = None if key is None else context.references.get(key)
    if snapshot is None or not isinstance(snapshot.state, Directory):
        return ()
    return nearest(context.key.id, name, state.distinct_from, snapshot.state.entries)


def _parent(parent: Reference | None, context: Context) -> ActorKey | None:
    """A customer may share the domain of the one that it belongs to."""
    return None if parent is None else context.find(parent.key("customer")).key
