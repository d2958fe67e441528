"""What the seeds made: the ids and keys that tests need to speak of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Made(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrytonCompany(_Made):
    """A legal entity's company in one Tryton database; all but `employees` are ids of records."""

    id: int
    currency: int
    tax: int
    tax_rule_standard: int
    tax_rule_exempt: int
    account_revenue: int
    account_receivable: int
    fiscal_year: int
    journal_revenue: int
    payment_method: int
    employees: dict[str, int]
    """Id by the code of the employee's party."""


class TrytonMade(_Made):
    """What stands in one Tryton database."""

    companies: dict[str, TrytonCompany]
    """By legal entity: the code of the company's party."""
    payment_term: int
    hour: int
    """The unit of measure."""
    products: dict[str, int]
    """Services sold by the hour, by code."""


class RedmineUser(_Made):
    """A user, and the key that the user's programs send."""

    id: int
    key: str


class RedmineMade(_Made):
    """What stands in Redmine."""

    version: str
    users: dict[str, RedmineUser]
    """By login."""
    project_fields: dict[str, int]
    """Custom field's id by its name."""
    approval_field: int
    """The custom field of time entries."""
    activities: dict[str, int]
    """Activity's id by its name, which is a role."""
    roles: dict[str, int]
