"""The money that a command is about, read from its frozen body."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import orjson


def money_of(body: bytes) -> Mapping[str, Decimal]:
    """Amount by currency; empty where the operation has none.

    `body` is the JSON of a command. One that cannot be read has none either: this is for people, and whoever parks a
    command because of its body must not fail at it a second time.
    """
    try:
        content = orjson.loads(body)
        return {str(content["currency"]): Decimal(content["amount"])}
    except (ValueError, ArithmeticError, LookupError, TypeError):
        return {}
