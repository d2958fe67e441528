"""The words of which the sentences of the scenarios are made, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final

from pytest_bdd import parsers

from schemas.acts import Act
from schemas.keys import ActorKey
from tests.actors.firm import REPORT, SHEET

_ACTS: Final = {
    "approve": Act.APPROVE,
    "approves": Act.APPROVE,
    "rejects": Act.REJECT,
    "retries": Act.RETRY,
    "cancels": Act.CANCEL,
}
OTHER_SHEET: Final = ActorKey("timesheet", "T-2")
_PAPERS: Final = {"sheet": SHEET, "other sheet": OTHER_SHEET, "expenses": REPORT}


def _word(pattern: str, means: Callable[[str], Any] = str) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return means(text)

    convert.pattern = pattern  # type: ignore[attr-defined]  # by this the parser knows what fits
    return convert


def _listed(text: str) -> list[str]:
    return text.replace(", and ", ", ").replace(" and ", ", ").split(", ")


WORDS: Final = {
    "Id": _word(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*"),
    "Code": _word(r"[a-z][a-z_-]*"),
    "Amounts": _word(r"-?[\d.]+(?:(?:, and |, )-?[\d.]+)*", lambda text: [Decimal(amount) for amount in _listed(text)]),
    "Paper": _word("|".join(_PAPERS), _PAPERS.__getitem__),
    "Role": _word(r"(?:the )?[a-z][a-z-]*", lambda text: text.removeprefix("the ")),
    "Text": _word(r"[^\"]+"),
    "Amount": _word(r"-?\d+(?:\.\d+)?"),
    "Number": _word(r"\d+", int),
    "Day": _word(r"\d{4}-\d{2}-\d{2}", date.fromisoformat),
    "Act": _word("|".join(_ACTS), _ACTS.__getitem__),
    "List": _word(r"[\w.-]+(?:(?:, and |, | and )[\w.-]+)*", _listed),
}
"""An `Id` is as DE01 or ENG-1, a `Code` as advisory, a `Role` as sales-ops, a `List` as one, two, and three."""

says = partial(parsers.cfparse, extra_types=WORDS)
"""A sentence with places for words, as in `customer {id:Id} trades with {code:Id}`."""
