"""What a person may edit of a won deal, checked by the same models as the deal itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, ValidationError

from schemas.acts import Acted
from schemas.project.v2 import Billing, Contract, OpportunityWon, Part, PerCent
from schemas.record import Record
from schemas.refusals import refused_data
from schemas.values import Id, Price, Reference


class PartEdit(Record):
    """Fields of one part that are replaced, each as a whole. What is left out stays."""

    project_id: Id | None = None
    service_line: Id | None = None
    contract: Contract | None = None
    billing: Billing | None = None
    value: Price | None = None
    tax_code: Id | None = None
    """The ERP's own code, one of the legal entity's; it counts instead of the customer's tax profile."""


class DealEdit(Record):
    """What changes. What is left out stays."""

    customer: Reference | None = None
    discount: PerCent | None = None
    parts: Annotated[Mapping[Id, PartEdit], Field(max_length=50)] = {}
    """Legal entity -> what changes in its part."""
    external_id: Id | None = None
    """Of a failed step: the effect is there already, under this id of the system."""

    @property
    def tax_codes(self) -> dict[str, str]:
        """Legal entity -> the tax code that was chosen."""
        return {code: part.tax_code for code, part in self.parts.items() if part.tax_code is not None}


_OF_DEAL: Final = ("customer", "discount")


class Unfit(Exception):
    """An edit that cannot be made; the text says what to change."""


def read_edit(acted: Acted) -> DealEdit:
    """The edit that a person sent. Raises `Unfit`."""
    if not acted.changes:
        raise Unfit("an edit needs `changes`: the fields to replace")
    try:
        return DealEdit.model_validate(dict(acted.changes))
    except ValidationError as error:
        raise Unfit(refused_data(error).failure.reason) from error


def edited(deal: OpportunityWon, edit: DealEdit) -> OpportunityWon:
    """The deal with the edit made. Raises `Unfit`."""
    unknown = edit.parts.keys() - {part.legal_entity for part in deal.parts}
    if unknown:
        raise Unfit(f"the deal has no part of {', '.join(sorted(unknown))}")
    try:
        parts = tuple(_edited(part, edit.parts[part.legal_entity]) if part.legal_entity in edit.parts else part
                      for part in deal.parts)  # fmt: skip
        changes = {name: value for name, value in dict(edit).items() if name in _OF_DEAL and value is not None}
        return OpportunityWon.model_validate(dict(deal) | changes | {"parts": parts})
    except ValidationError as error:
        raise Unfit(refused_data(error).failure.reason) from error


def _edited(part: Part, edit: PartEdit) -> Part:
    changes = {name: value for name, value in dict(edit).items() if name != "tax_code" and value is not None}
    return Part.model_validate(dict(part) | changes)
