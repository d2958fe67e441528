"""Version 1 of what an engagement is told by customers. All of it comes from inside; `to` is the engagement."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.record import Record
from schemas.values import Id, Note
from schemas.verdicts import FailureClass


class CustomerReady(Record):
    """The ERP of a legal entity has the customer."""

    to: Id
    """The engagement that asked."""
    customer: Id
    """Our canonical id."""
    legal_entity: Id
    erp_id: Id
    """The ERP's own id."""
    tax_code: Id
    """The ERP's own code."""


class CustomerRefused(Record):
    """The customer cannot trade with a legal entity, until somebody mends what is named."""

    to: Id
    """The engagement that asked."""
    customer: Id
    """Our canonical id."""
    legal_entity: Id
    failure_class: Annotated[FailureClass, Field(strict=False)]
    code: Id
    """Stable name of the cause."""
    reason: Note
    """What is wrong and how to mend it."""
    field: Id | None = None


class CustomerMoved(Record):
    """The customer was merged into another one, which takes its place."""

    to: Id
    """The engagement that asked."""
    customer: Id
    """Our canonical id of the one that is gone."""
    into: Id
    """Our canonical id of the one that stays."""
