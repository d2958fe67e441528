"""Books that are closed: nothing is booked for their days, and nothing is taken back, until the policy opens them."""

from __future__ import annotations

from collections.abc import Iterable

from actors.billing.papers import Line, day_of
from actors.policy import Policy
from actors.standing import day_of as day_booked
from schemas.billed import BilledLine
from schemas.verdicts import Failure, FailureClass


def closed(legal_entity: str, new: Iterable[Line], leaving: Iterable[BilledLine], policy: Policy) -> Failure | None:
    """Why new lines of a legal entity cannot be booked, or booked ones be taken back; the first reason found."""
    days = [(legal_entity, line.line_id, day_of(line)) for line in new]
    days += [(line.body.legal_entity, line.body.line_id, day_booked(line.body)) for line in leaving]
    for code, line_id, day in days:
        entity = policy.legal_entities.get(code)
        if entity is not None and entity.is_closed(day):
            reason = (
                f"line {line_id} is of {day}, and the books of {code} are closed through {entity.closed_through}: "
                f"let `closed_through` of {code} in the policy file open them, or correct the day, then retry"
            )
            return Failure(FailureClass.MAPPING, "books_closed", reason, f"lines.{line_id}")
    return None
