"""What an entity holds to stand in a system's books, read from its state alone.

It is what the entity's own decisions go by: whatever it asked for and did not take back. What of that is still on its
way, the outbox knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final, assert_never

from schemas.billed import Billed, BilledLine, Post
from schemas.commands import command_reference
from schemas.invoice.entity import ZERO, Invoice
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.operations.cost import CostPost
from schemas.operations.expense import ExpensePost
from schemas.project.entity import Project
from schemas.standing import Sort, Standing


def _of_billed(_key: ActorKey, state: Billed, system: str) -> Iterator[Standing]:
    for line in state.lines.values():
        # Where the system was not kept yet, it was the project's ERP, and there was one.
        if line.system in (None, system):
            yield _of_line(line)


def _of_line(line: BilledLine) -> Standing:
    body = line.body
    account = body.cost_centre if isinstance(body, CostPost) else body.revenue
    return Standing(
        sort_of(body), line.reference, None, body.legal_entity, day_of(body), body.amount, body.currency, account
    )


def sort_of(post: Post) -> Sort:
    """What kind of entry it is."""
    match post:
        case BillablePost():
            return Sort.BILLABLE
        case ExpensePost():
            return Sort.EXPENSE
        case CostPost():
            return Sort.COST
        case _:
            assert_never(post)


def day_of(post: Post) -> date:
    """The day of the work, or of the expense."""
    return post.work_date if isinstance(post, BillablePost) else post.incurred_on


def reference_of(key: ActorKey, line: str | None, confirmed: str | None) -> str | None:
    """Our reference of what a command has booked: as its system has confirmed it, else as it was asked for first.

    None where no command has.
    """
    return None if line is None else confirmed or command_reference(key, line, 1)


def _of_invoice(key: ActorKey, state: Invoice, system: str) -> Iterator[Standing]:
    header, at = state.header, state.places
    if header is None or state.posting not in {"asked", "done"} or at is None or (at.books or at.erp) != system:
        return
    reference = reference_of(key, state.post_line, state.reference)
    external_id = _id_there(key, state) if reference is None else state.external_id
    still_open = max(state.balance, ZERO)
    yield Standing(
        Sort.INVOICE, reference, external_id, header.legal_entity, header.issued_on, header.total, header.currency,
        open=still_open,
    )  # fmt: skip


def _id_there(key: ActorKey, state: Invoice) -> str:
    """The ERP's own id of an invoice that it does not have by a reference of ours.

    What it issued by itself is known by that id, which its events carry. Of what a person has posted there nobody may
    have told it: then our key stands for it, which no other invoice there is taken for.
    """
    return key.id if state.issued is None else state.external_id or f"{key}"


def _of_project(key: ActorKey, state: Project, system: str) -> Iterator[Standing]:
    for milestone in state.milestones.values():
        reference = reference_of(key, milestone.bill_line, milestone.reference)
        if milestone.biller == system and milestone.completed_on is not None and reference is not None:
            yield Standing(
                Sort.MILESTONE, reference, None, state.legal_entity or "", milestone.completed_on, milestone.amount,
                milestone.currency,
            )  # fmt: skip


HOLDERS: Final[Mapping[str, Callable[[ActorKey, Any, str], Iterator[Standing]]]] = MappingProxyType(
    {"timesheet": _of_billed, "expense": _of_billed, "project": _of_project, "invoice": _of_invoice}
)
"""Entity -> what one of its states holds to stand in a system. `Any`: each takes the state of its own entity."""
