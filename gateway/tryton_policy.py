"""What the policy file says of a Tryton: where it is, as whom we come, and how the firm's words map to its records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from gateway.changes_policy import ChangesPolicy
from gateway.system_policy import SystemPolicy
from schemas.values import Country, Id, Name

Operation = Literal[
    "customer.put", "project.create", "project.cancel", "billable.post", "billable.reverse", "project.link"
]


class TrytonChanges(ChangesPolicy):
    """Won opportunities, read and published as events."""

    types: ClassVar[tuple[str, ...]] = ("customer.upserted", "project.opportunity_won")
    service_line: Id
    """The service line of the projects that its opportunities become."""
    tax_profile: Id
    """How its customers are taxed, where Tryton does not say: a profile that the legal entities map."""
    country: Country
    """Where a customer is registered whose address names no country."""


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
