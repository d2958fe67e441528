"""Version 1 of the expense events. The subject is the report's id in the system that the expenses were written in."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.rules import Rule, Written
from schemas.timesheet.v1 import Approver, Employee
from schemas.values import Currency, Day, Id, Moment, Money, Note, Period, Price, Reference, Revision, check_scale

_SPENT_PATTERN: Final = r"^(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?$"

Spent = Annotated[
    Annotated[Decimal, Field(strict=False), Written(_SPENT_PATTERN, Decimal)] | Price,
    Rule(
        "amount_invalid",
        'write the amount as a JSON string of digits such as "84.20", in the currency of the report; or, spent in '
        'another one, as {"amount": "84.20", "currency": "GBP"}; zero or more',
    ),
]
"""What was spent, in the currency of the report or in one of its own."""


class Line(Record):
    """What was spent on one occasion."""

    line_id: Id
    """Unique within the report and the same in all its revisions: each line is billed once, for ever."""
    incurred_on: Day
    category: Id
    """What it was spent on, such as travel or lodging."""
    amount: Spent
    """What is to be billed or is cost. Another currency than the report's is a case: nothing is converted here."""
    billable: bool
    contract_reference: Id | None = None
    """The contract it was spent under, where it is not the project's own."""
    note: Note | None = None

    def spent(self, currency: str) -> Money:
        """What was spent; `currency` is the report's."""
        return self.amount if isinstance(self.amount, Money) else Money.of(self.amount, currency)


class _Report(Record):
    legal_entity: Id
    """Code of the legal entity of the firm that bills the expenses."""
    currency: Currency
    """The currency the expenses are billed in."""
    employee: Employee
    period: Period
    project: Reference
    lines: Annotated[tuple[Line, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise PydanticCustomError("line_repeated", "give each line a `line_id` of its own")
        for line in self.lines:
            if isinstance(line.amount, Decimal):
                check_scale(line.amount, self.currency)
        return self


class Approved(_Report):
    """The report is approved: its billable lines are to be billed, the others are cost."""

    revision: Revision = 1
    partial: bool = False
    """True where lines are approved one by one: the other lines of the report stay as they are. Otherwise the report
    carries all of its lines, and one that is missing is taken back."""
    approver: Approver
    approved_at: Moment


class Corrected(_Report):
    """An approved report was wrong. Carries all lines as they should have been, not only those that changed."""

    corrects: Revision
    """The revision that this report replaces. It counts as the next one, `corrects` + 1, so that a correction of it, or
    its withdrawal, names that."""
    reason: Note


class Rejected(_Report):
    """The report went back to the employee."""

    reason: Note


class Withdrawn(Record):
    """The approval was taken back: nothing of the report counts any more, until a higher revision of it is approved."""

    legal_entity: Id
    """Code of the legal entity of the firm that bills the expenses."""
    project: Reference
    revision: Revision
    """The revision that was approved, or a higher one: an approval of this one, or of one before it, counts no more."""
    reason: Note
