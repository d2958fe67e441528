"""What came back for a call to Redmine, and its parts that are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from adapters.http.retry_after import moment, seconds_to_wait
from adapters.redmine.records import Errors
from schemas.commands import Deferred, Unknown

Read = TypeVar("Read", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body` is None if it was over the cap, `retry_after` seconds, `date` the server's clock."""

    status: int
    body: bytes | None = b""
    retry_after: float | None = None
    date: datetime | None = None

    def read(self, model: type[Read]) -> Read | None:
        """The body as `model`; None where it is something else."""
        if self.body is None:
            return None
        try:
            return model.model_validate_json(self.body)
        except ValidationError:
            return None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What Redmine says of a refusal, in the language of our user."""
        found = self.read(Errors)
        return () if found is None else found.errors


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No complete answer came; `outcome` says whether the request can have left."""

    outcome: Deferred | Unknown


Reply = Answer | NoAnswer


def read_answer(status: int, headers: Mapping[str, str], body: bytes | None, *, retry_after_cap: float) -> Answer:
    """Read an answer. `headers` are looked up without regard to case; `body` is None if it was over the cap."""
    date = headers.get("Date")
    return Answer(
        status=status,
        body=body,
        retry_after=seconds_to_wait(headers.get("Retry-After"), date, retry_after_cap),
        date=None if date is None else moment(date),
    )
