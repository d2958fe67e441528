"""Which differences of a run can be repaired by commands, and how; of the others, why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import orjson
from pydantic import ValidationError

from adapters.ports.recon import Difference, Kind, Numbered
from schemas.billed import Post
from schemas.operations.billable import BillablePost
from schemas.operations.cost import CostPost
from schemas.operations.expense import ExpensePost
from schemas.repair.v1 import MOST_ITEMS, Item
from schemas.standing import Sort, Standing, key_of, line_of

_POSTS: Final[Mapping[Sort, tuple[type[BillablePost | ExpensePost | CostPost], str, str]]] = {
    Sort.BILLABLE: (BillablePost, "work_date", "revenue"),
    Sort.EXPENSE: (ExpensePost, "incurred_on", "revenue"),
    Sort.COST: (CostPost, "incurred_on", "cost_centre"),
}
"""What books an entry of a sort, with its fields of the day and the account."""
TAKEN_BACK: Final = frozenset({"timesheet", "expense"})
"""The entities whose entries can be taken back. What is asked of a customer is changed by a credit memo alone."""


@dataclass(frozen=True, slots=True)
class Left:
    """A difference that no plan repairs, and why."""

    number: int
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a plan would do, and what it leaves; `more` differences were not looked at, as the plan is full."""

    items: tuple[Item, ...]
    left: tuple[Left, ...]
    more: int = 0


def planned(differences: Sequence[Numbered], before: Mapping[int, str], can_ask: Callable[[Sort], bool]) -> Draft:
    """The plan of these differences of a run. `before`: those that plans of it have already, each with its plan.

    `can_ask`: whether the system can be asked by our reference whether it has an entry of a sort.
    """
    items: list[Item] = []
    left: list[Left] = []
    for place, each in enumerate(differences):
        if len(items) == MOST_ITEMS:
            return Draft(tuple(items), tuple(left), len(differences) - place)
        plan = before.get(each.number)
        found = _item(each, can_ask) if plan is None else _in_plan(plan)
        if isinstance(found, Item):
            items.append(found)
        else:
            left.append(Left(each.number, each.difference.name, found))
    return Draft(tuple(items), tuple(left))


def _in_plan(plan: str) -> str:
    return f"plan {plan} has it: begin another reconciliation to see how it stands"


def _item(numbered: Numbered, can_ask: Callable[[Sort], bool]) -> Item | str:
    """What is to be done about a difference, or why nothing is."""
    difference = numbered.difference
    key, booking = key_of(difference.name), line_of(difference.name)
    if key is None or booking is None:
        return "it does not carry a reference of ours: look who has booked it, and mend it there"
    if difference.case is not None:
        return f"it stands in case {difference.case}: settle that"
    said: dict[str, object] = {
        "number": numbered.number, "sort": difference.shown.sort.value, "legal_entity": difference.shown.legal_entity,
        "day": difference.shown.day, "entity": key.entity, "key": key.id, "booking": booking,
        "holds": None if difference.ours is None else difference.ours.reference,
    }  # fmt: skip
    match difference.kind:
        case Kind.MISSING if not can_ask(difference.shown.sort):
            return "the system cannot be asked for it by our reference, and might have it after all: look there"
        case Kind.MISSING if _is_partly_settled(difference.shown):
            return "payments or credit memos came of it before it went: find out there what became of it and of them"
        case Kind.MISSING:
            return _said(said | {"books": True})
        case _ if key.entity not in TAKEN_BACK:
            return _credited(difference)
        case Kind.DIFFERENT:
            return _taken_back(difference.theirs, said | {"books": True})
        case Kind.EXTRA | Kind.TWICE:
            return _taken_back(difference.theirs, said)
        case _:
            assert_never(difference.kind)


def _is_partly_settled(standing: Standing) -> bool:
    """Whether less is open of an invoice than it was posted with."""
    return standing.open is not None and standing.open != standing.amount


def _credited(difference: Difference) -> str:
    """What a person does about an invoice or a milestone that the system has otherwise, or should not have."""
    if difference.kind is not Kind.DIFFERENT:
        return "a customer may be asked for it who does not owe it: find out there, and have it credited or voided"
    if difference.fields == ("open",):
        return "one side lacks a payment, credit memo, or write-off that the other has: have it told, or entered there"
    return "it is changed by a credit memo alone: find out which side is right, and have it credited and issued anew"


def _taken_back(theirs: Standing | None, said: dict[str, object]) -> Item | str:
    post = None if theirs is None else post_of(theirs)
    if theirs is None or post is None:
        return "the system does not say what of ours it was posted with, so it cannot be taken back: mend it there"
    back = {"stands": post, "reference": theirs.reference, "external_id": theirs.external_id}
    return _said(said | back)


def _said(fields: dict[str, object]) -> Item | str:
    try:
        return Item.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"its {'.'.join(map(str, first['loc']))} does not fit into a plan: mend it there"


def post_of(standing: Standing) -> Post | None:
    """What would book an entry as it stands there; None if the system does not tell enough of it."""
    if standing.sort not in _POSTS or standing.body is None:
        return None
    model, day, account = _POSTS[standing.sort]
    try:
        body = orjson.loads(standing.body)
        said = {"legal_entity": standing.legal_entity, day: standing.day.isoformat()}
        said |= {"amount": f"{standing.amount:f}"} if standing.amount is not None else {}
        said |= {"currency": standing.currency} if standing.currency is not None else {}
        said |= {account: standing.account} if standing.account is not None else {}
        return model.model_validate_json(orjson.dumps(body | said))
    except (ValueError, TypeError):
        return None
