"""What a sheet of time and a report of expenses have in common as the gateway keeps them: their lines in the ERP."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.invoice.billed import InvoicedLines
from schemas.operations.billable import BillablePost
from schemas.operations.cost import CostPost
from schemas.operations.expense import ExpensePost

Post = BillablePost | ExpensePost | CostPost
"""What the ERP is asked to book for a line."""
NOTHING: Final = "r0"
"""The name of what is booked of a line before anything is: the first revision is 1."""


class BilledLine(BaseModel):
    """A line that the ERP was asked to book: the revision that did it, what was asked, and our reference of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    revision: int
    body: Post = Field(union_mode="left_to_right")
    """What was asked: a reversal takes back exactly this. None can be read as another, so the first that fits is it."""
    reference: str
    posted: bool = False
    project: str | None = None
    """Our canonical id of the project; None where it was not kept yet."""
    system: str | None = None
    """The system that was asked; None where it was not kept yet, which was the project's ERP."""
    contract: str | None = None
    """Our canonical id of the contract that it is billed under; None where the project keeps its terms itself, and of
    cost."""
    claim: str | None = None
    """What it claims, so that no other sheet or report bills the same line of the source."""
    turn: int = 1
    """Counts the bookings of the line within its revision: one more for each time that it was re-rated."""
    digest: str | None = None
    """Of the body that was re-rated last: a restored database may count to the same turn with another rate. Kept, since
    a later release may write the same body differently."""

    @property
    def content(self) -> str:
        """The name of what is booked, by its revision and the rates that were approved since; a repair keeps it."""
        return f"r{self.revision}" if self.digest is None else f"r{self.revision}.{self.digest}"

    @property
    def name(self) -> str:
        """The line of the command that booked it: no other booking of the sheet has it, whatever ids lines have."""
        name = f"{self.body.line_id}.r{self.revision}"
        if self.turn == 1:
            return name
        return f"{name}.{self.turn}" if self.digest is None else f"{name}.{self.turn}.{self.digest}"


def line_of(name: str) -> str:
    """The id of the line that a booking of this name is of: what follows it is numbers, dots, and a digest."""
    return name.rpartition(".r")[0]


class TakenBack(BaseModel):
    """An entry of a system that a repair has taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    system: str
    reference: str
    """Ours, under which it stood."""
    external_id: str | None
    """The system's own id of it."""


class Billed(InvoicedLines):
    """The lines of a sheet or a report."""

    status: Literal["new", "submitted", "approved", "rejected", "withdrawn"] = "new"
    revision: int = 0
    """The highest revision that was approved; 0 until one was."""
    whole: int | None = None
    """The highest revision that came with all of its lines, 0 while none did; None where it was not kept yet."""
    is_correction: bool = False
    """Whether that one was a correction of the one before it."""
    said: dict[str, int] = Field(default_factory=dict)
    """Line id -> the highest revision since `whole` that came with the line, where lines are approved one by one."""
    withdrawn: int = 0
    """The highest revision that was withdrawn: an approval of it, or of one before it, counts no more."""
    lines: dict[str, BilledLine] = Field(default_factory=dict)
    """Line id -> the booking that stands for it."""
    late: dict[str, str | None] = Field(default_factory=dict)
    """Booking that was taken back before its answer came, and came otherwise than thought -> the reference under which
    the ERP has it; None: the ERP refused it, and so has nothing to take back."""
    releasing: dict[str, str | None] = Field(default_factory=dict)
    """Reversal that is not confirmed yet -> the claim that ends with it; None where it claims nothing."""
    taken_back: tuple[TakenBack, ...] = ()
    """What repairs have taken back: the same entry is not taken back by another one."""

    @property
    def last_whole(self) -> int:
        """The highest revision that came with all of its lines; of what was not kept yet, the highest of all."""
        return self.revision if self.whole is None else self.whole

    @property
    def is_posted(self) -> bool:
        """Whether the ERP has all lines that count, and none that do not."""
        return self.is_approved and not self.releasing and all(line.posted for line in self.lines.values())

    @property
    def is_approved(self) -> bool:
        """Whether its lines count."""
        return self.revision > self.withdrawn
