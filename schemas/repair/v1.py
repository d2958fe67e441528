"""Version 1 of what is said of repairs. All of it comes from inside."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.billed import Post
from schemas.operations.reversal import Reverses
from schemas.record import Record
from schemas.values import Day, Id, Moment, Note, System

MOST_ITEMS: Final = 300
"""Of one plan."""
LASTS: Final = timedelta(minutes=15)
"""How long what a system has answered is gone by: later somebody may have mended it by hand."""


class Item(Record):
    """What is to be done about a difference: what stands there is taken back, what we hold is booked anew, or both.

    Of milestones and invoices nothing is taken back: they are billed, or posted, anew.
    """

    number: Annotated[int, Field(ge=1)]
    """Of the difference in its run."""
    sort: Literal["billable", "expense", "cost", "milestone", "invoice"]
    """Of the entry that we hold, else of the one that stands there."""
    legal_entity: Id
    """Of that entry."""
    day: Day | None = None
    """Of that entry; what was planned before this was said has none."""
    entity: Literal["timesheet", "expense", "project", "invoice"]
    key: Id
    booking: Reverses
    """The line of the command that booked it, or would have."""
    holds: Reverses | None = None
    """The reference under which its entity held it when it was planned; left out where it held nothing."""
    books: bool = False
    """Whether it is booked anew, under another reference."""
    stands: Post | None = None
    """What stands in the system and is taken back, as it stands there; left out where nothing is."""
    reference: Reverses | None = None
    """Our reference of what is taken back."""
    external_id: Id | None = None
    """The system's own id of what is taken back."""


Items = Annotated[tuple[Item, ...], Field(strict=False, min_length=1, max_length=MOST_ITEMS)]


class Planned(Record):
    """Somebody wants differences of a run repaired."""

    run: Annotated[int, Field(ge=1)]
    system: System
    first: Day
    """First day that the run was about."""
    last: Day
    requested_by: Id
    items: Items


class Verified(Record):
    """The system was asked once more about an approved plan, just before anything is sent."""

    checked_at: Moment
    """When: nothing is sent by an answer of long ago."""
    changed: Annotated[tuple[int, ...], Field(strict=False, max_length=MOST_ITEMS)] = ()
    """Numbers of the items that are not as they were planned any more: nothing is done about them."""


class Unanswered(Record):
    """The system could not be asked about an approved plan, again and again."""

    reason: Note


class Repaired(Record):
    """A plan was approved: what it says of one sheet, report, project, or invoice is to be done."""

    to: Id
    """That sheet, report, project, or invoice."""
    plan: Id
    system: System
    by: Id
    """Who approved it."""
    checked_at: Moment
    """When the system was asked the last time."""
    items: Items
