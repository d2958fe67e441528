"""Ids of projects and contracts that one engagement alone may use, from taking the deal to its cancelling."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from actors.decision import Accept, Context
from schemas.contract.entity import Contract
from schemas.engagement.entity import Engagement, PartState
from schemas.facts import Claim
from schemas.project.entity import MADE_IN, Project, made_in

PROJECT: Final = "project.id"
CONTRACT: Final = "contract.id"
MAKES: Final = ("project.create", "project.put")
"""Operations by which a system gets a project."""


def taken_ids(context: Context) -> Mapping[Claim, str]:
    """What other engagements have: claim -> the engagement that has it.

    What was claimed comes first. Of a project or contract that was looked up, the engagement that runs it has it all
    the same.
    """
    by_row = {
        Claim(PROJECT if isinstance(snapshot.state, Project) else CONTRACT, key.id): snapshot.state.engagement
        for key, snapshot in context.references.items()
        if isinstance(snapshot.state, Project | Contract)
        and snapshot.state.engagement is not None
        and snapshot.state.engagement != context.key.id
        and snapshot.state.status != "withdrawn"
    }
    by_claim = {
        claim: holder.id
        for claim, holder in context.taken.items()
        if claim.scope in (PROJECT, CONTRACT) and holder.entity == "engagement"
    }
    return {**by_row, **by_claim}


def standing_contracts(state: Engagement, context: Context) -> dict[str, Contract]:
    """Of the contracts that were looked up, those that stand without a deal, by id.

    One that this engagement has the id of is its own, which is only not told of it yet.
    """
    return {
        id_: contract
        for id_, contract in _contracts(context).items()
        if contract.version and contract.engagement is None and id_ not in state.contract_ids
    }


def not_free(state: Engagement, context: Context) -> frozenset[Claim]:
    """Ids that this engagement cannot claim: others have them.

    A contract that came without a deal holds its id itself, also while a deal is won under it.
    """
    by_claim = (claim for claim in context.taken if claim.scope in (PROJECT, CONTRACT))
    alone = (id_ for id_, contract in _contracts(context).items() if contract.came_alone)
    own = (Claim(CONTRACT, id_) for id_ in (*alone, *standing_contracts(state, context)))
    return frozenset((*taken_ids(context), *by_claim, *own))


def with_ids(before: Engagement, accept: Accept, taken: Collection[Claim]) -> Accept:
    """The same decision with the ids of the parts that run live claimed, but for those that are `taken`."""
    state = accept.state
    if not isinstance(state, Engagement):
        raise TypeError("an engagement decides on engagements")
    live = [part for part in state.parts if not part.is_shadow]
    has = {
        "project_ids": _free(PROJECT, (part.project_id for part in live), taken),
        "contract_ids": _free(CONTRACT, (part.contract_id for part in live), taken),
        "making": tuple(made_in(system, part.project_id).value for part in live for system in _makers(part)),
    }
    return _holding(before, accept, state, has)


def without_ids(before: Engagement, accept: Accept) -> Accept:
    """The same decision with all ids given back."""
    state = accept.state
    if not isinstance(state, Engagement):
        raise TypeError("an engagement decides on engagements")
    return _holding(before, accept, state, {"project_ids": (), "contract_ids": (), "making": ()})


def _contracts(context: Context) -> dict[str, Contract]:
    """The contracts that were looked up, by id."""
    found = ((key.id, snapshot.state) for key, snapshot in context.references.items())
    return {id_: state for id_, state in found if isinstance(state, Contract)}


def _holding(before: Engagement, accept: Accept, state: Engagement, has_ids: Mapping[str, tuple[str, ...]]) -> Accept:
    after = state.model_copy(update=has_ids)
    had, has = _held(before), _held(after)
    return replace(
        accept,
        state=after,
        claims=tuple(claim for claim in has if claim not in had),
        releases=tuple(claim for claim in had if claim not in has),
    )


def _held(state: Engagement) -> tuple[Claim, ...]:
    return (
        *(Claim(PROJECT, id_) for id_ in state.project_ids),
        *(Claim(CONTRACT, id_) for id_ in state.contract_ids),
        *(Claim(MADE_IN, value) for value in state.making),
    )


def _makers(part: PartState) -> list[str]:
    """The systems that are asked to make the part's project."""
    systems = (part.routes.get(operation) for operation in MAKES)
    return [system for system in dict.fromkeys(systems) if system is not None and system not in part.had]


def _free(scope: str, ids: Iterable[str], taken: Collection[Claim]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for id_ in ids if Claim(scope, id_) not in taken))
