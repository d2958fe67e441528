"""What the policy file says of a Tryton: where it is, as whom we come, and how the firm's words map to its records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.changes_policy import ChangesPolicy
from gateway.system_policy import SystemPolicy
from schemas.values import Country, Id, Name

Operation = Literal[
    "customer.put", "project.create", "project.cancel", "billable.post", "billable.reverse", "project.link"
]


TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "opportunities": ("customer.upserted", "project.opportunity_won"),
    "invoices": (
        "invoice.posted", "invoice.payment_received", "invoice.credit_memo_issued", "invoice.written_off",
    ),
}  # fmt: skip
"""What is read -> the types of events that it becomes."""


class TrytonChanges(ChangesPolicy):
    """Won opportunities of a CRM, posted invoices of an ERP, or both, read and published as events."""

    reads: tuple[Literal["opportunities", "invoices"], ...] = Field(default=("opportunities",), min_length=1)
    """What is read of it."""
    service_line: Id | None = None
    """The service line of the projects that its opportunities become."""
    tax_profile: Id | None = None
    """How its customers are taxed, where Tryton does not say: a profile that the legal entities map."""
    country: Country | None = None
    """Where a customer is registered whose address names no country."""

    @property
    def types(self) -> tuple[str, ...]:
        """Of all that is read."""
        return tuple(type_ for what in self.reads for type_ in TYPES[what])

    @model_validator(mode="after")
    def _says_what_opportunities_lack(self) -> Self:
        """Tryton does not say these of an opportunity, and nobody needs them for anything else."""
        needed = {"service_line": self.service_line, "tax_profile": self.tax_profile, "country": self.country}
        missing = [name for name, value in needed.items() if value is None]
        if "opportunities" in self.reads and missing:
            raise ValueError(f"to read opportunities, give {', '.join(missing)} too; or let `reads` be [invoices]")
        return self


class TrytonPolicy(SystemPolicy):
    """One database of a Tryton server, spoken to by JSON-RPC."""

    credential: ClassVar[str] = "password"
    kind: Literal["tryton"]
    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,63}$")]
    """Name of the database."""
    user: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]
    """Login of the gateway's own user."""
    password_file: Path | None = None
    """File that holds the user's password."""
    password: str | None = Field(default=None, repr=False)
    """The password itself; only for trying things out, a real one belongs into a file."""
    companies: Mapping[Id, Name] = Field(min_length=1)
    """Legal entity -> the name of the party of its company in Tryton."""
    operations: tuple[Operation, ...] = Field(min_length=1)
    """What it is asked to do: all but project.link for an ERP, project.link for a CRM."""
    identifier_types: Mapping[Country, Id] = {}
    """Country -> Tryton's type of tax identifier, such as eu_vat, whose numbers Tryton checks; left out, none."""
    product: Id | None = None
    """Code of the product that hours are billed as; left out, Tryton cannot invoice the time."""
    cancelled_status: Name = "Done"
    """Name, in English, of the status that a cancelled project and its tasks get."""
    acknowledge: tuple[str, ...] = ()
    """Patterns of names of warnings (`*.invoice_taxes`) that are answered with yes; any other one stops its command."""
    changes: TrytonChanges | None = None
    """What `tallystick read` publishes of it."""

    @property
    def taken(self) -> frozenset[str]:
        """The operations that are sent to it."""
        return frozenset(self.operations)

    @property
    def reads(self) -> tuple[str, ...]:
        """What is read of it."""
        return () if self.changes is None else self.changes.reads

    @property
    def has_books(self) -> bool:
        """Whether something of its books is ours to compare: time that is booked there, or invoices that are read."""
        return "billable.post" in self.taken or "invoices" in self.reads
