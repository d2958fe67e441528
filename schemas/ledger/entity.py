"""A posting of the ledger as the gateway keeps it, version 1: passed on once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.ledger.v1 import JournalPosted, RevenuePosted


class Posting(BaseModel):
    """What the ERP said of a posting; None until then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revenue: RevenuePosted | None = None
    journal: JournalPosted | None = None
