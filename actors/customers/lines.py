"""How a customer's commands are told apart: by a number and by their content."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from actors.decision import Request
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.record import Record

DIGITS: Final = 8
"""Of a content's digest; it has to differ from one other content only, that of the same number before a restore."""


def numbered(number: int, body: Record) -> str:
    """Names a command by its number and its content: a restored database may count to the same number with another.

    Whoever has the former would take it for the one that he has already.
    """
    return f"{number}.{sha256(body.to_json()).hexdigest()[:DIGITS]}"


def asked(state: Customer, messages: Sequence[tuple[str, Record]]) -> tuple[Customer, tuple[Request, ...]]:
    """The customer after it told other entities something: the name of the inner event, and what it says."""
    if not messages:
        return state, ()
    requests = tuple(
        Request(SELF, name, numbered(number, body), body)
        for number, (name, body) in enumerate(messages, state.asks + 1)
    )
    return state.model_copy(update={"asks": state.asks + len(messages)}), requests
