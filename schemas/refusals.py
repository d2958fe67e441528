"""Refusals in plain words: what is wrong with a message, and what its sender has to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.envelope import Undecodable
from schemas.verdicts import Failure, FailureClass

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("field_missing", "is missing; add it"),
    "extra_forbidden": ("field_unknown", "is not a field of this event; remove it or correct its name"),
    "bool_type": ("not_boolean", "must be true or false"),
    "string_type": ("not_text", "must be a JSON string"),
    "literal_error": ("value_unknown", "must be one of {expected}"),
    "model_type": ("not_object", "must be a JSON object"),
    "tuple_type": ("not_array", "must be a JSON array"),
    "too_short": ("too_few", "needs at least {min_length} entry"),
    "too_long": ("too_many", "may have at most {max_length} entries"),
}
"""pydantic's own error types that our models raise, as (code, sentence); all others are ours and explain themselves."""

SHOWN: Final = 100
"""How many characters of a sender's own text a reason repeats."""


def refused(code: str, reason: str, field: str | None = None) -> Undecodable:
    """The refusal of a message for its form."""
    return Undecodable(Failure(FailureClass.SCHEMA, code, reason, field))


def shown(text: str) -> str:
    """A sender's text in a form that is safe to log and to show: ASCII, one line, bounded."""
    cut = text[:SHOWN]
    return ascii(cut)[1:-1] + ("..." if len(text) > SHOWN else "")


def refused_data(error: ValidationError) -> Undecodable:
    """The refusal for the first thing that is wrong with `data`; says how many more there are."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(("data", *(shown(str(part)) for part in first["loc"])))
    code, sentence = _explained(first)
    more = error.error_count() - 1
    return refused(code, f"{field}: {sentence}" + (f" (and {more} more)" if more else ""), field)


def _explained(error: ErrorDetails) -> tuple[str, str]:
    known = _SENTENCES.get(error["type"])
    if known is None:
        return error["type"], error["msg"]
    code, sentence = known
    return code, sentence.format_map(error.get("ctx", {}))
