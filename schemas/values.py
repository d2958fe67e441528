"""The values that events and commands are made of: ids, texts, dates, hours, money, and references.

Each type refuses, and never repairs, what libraries let through: amounts as JSON numbers, exponents, digits of other
scripts, more decimals than the currency has, control characters, dates as numbers.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.countries import COUNTRIES
from schemas.currencies import MINOR_UNITS
from schemas.keys import ActorKey, external_key
from schemas.record import Record
from schemas.rules import Bytes, Rule, Written

ID_BYTES: Final = 200
"""The longest id, in bytes of UTF-8: longer ones do not fit into an index entry together with their neighbours."""

ID_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
AMOUNT_PATTERN: Final = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?$"
_LINE_HOURS_PATTERN: Final = r"^(?:[0-9]|1[0-9]|2[0-4])(?:\.[0-9]{1,2})?$"
_HOURS_PATTERN: Final = r"^-?(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,2})?$"
_PLANNED_HOURS_PATTERN: Final = r"^(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,2})?$"
_DAY_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MOMENT_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
)


def _currency(code: str) -> str:
    if code not in MINOR_UNITS:
        raise ValueError
    return code


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError
    return code


_CENT: Final = Decimal("0.01")
_TOO_MUCH: Final = Decimal(10) ** 15
_HUNDREDTHS: Final = frozenset({0, -1, -2})


def _plain(value: Decimal) -> Decimal:
    """Refuse decimals that `AMOUNT_PATTERN` does not describe."""
    if value.same_quantum(_CENT) and -_TOO_MUCH < value < _TOO_MUCH:  # as most are
        return value
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -4 <= exponent <= 0 or value.adjusted() > 14:
        raise ValueError
    return value


def _hundredths(value: Decimal) -> Decimal:
    """The same with at most two decimals, as hours have."""
    if value.same_quantum(_CENT) and -_TOO_MUCH < value < _TOO_MUCH:
        return value
    if value.as_tuple().exponent not in _HUNDREDTHS or value.adjusted() > 14:
        raise ValueError
    return value


Id = Annotated[
    str,
    Bytes(ID_BYTES, ID_PATTERN),
    Rule("id_invalid", "write it as a JSON string of 1 to 200 bytes without control characters"),
]
"""An id or code of ours or of another system. Compared byte by byte: neither trimmed nor folded."""

System = Annotated[
    str,
    Field(strict=True, max_length=50, pattern=r"^[a-z][a-z0-9_-]*$"),
    Rule("system_invalid", "name the system as the policy file does: 1 to 50 of a-z, 0-9, - and _, a letter first"),
]
"""A system's name in the policy file."""

Name = Annotated[
    str,
    Field(strict=True, max_length=200, pattern=ID_PATTERN),
    Rule("name_invalid", "write it as a JSON string of 1 to 200 characters on one line"),
]

Note = Annotated[
    str,
    Field(strict=True, min_length=1, max_length=4000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"),
    Rule("note_invalid", "write it as a JSON string of 1 to 4000 characters, with no control character but line feed"),
]

Email = Annotated[
    str,
    Field(strict=True, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"),
    Rule("email_invalid", "write one address like billing@example.com"),
]

Domain = Annotated[
    str,
    Field(strict=True, max_length=253, pattern=r"^[a-z0-9-]+(?:\.[a-z0-9-]+)+$"),
    Rule("domain_invalid", "write the domain name in lower case like example.com, without https:// and path"),
]

Country = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": "^[A-Z]{2}$"}),
    AfterValidator(_country),
    Rule("country_invalid", 'write the country as an ISO 3166 code of two capital letters such as "DE"'),
]

Currency = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": "^[A-Z]{3}$"}),
    AfterValidator(_currency),
    Rule("currency_invalid", 'write the currency as an active ISO 4217 code of three capital letters such as "EUR"'),
]

Day = Annotated[
    date,
    Field(strict=False),
    Written(_DAY_PATTERN, date, "date"),
    Rule("day_invalid", 'write the day as a JSON string of an existing ISO date such as "2026-01-31"'),
]

Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    Written(MOMENT_PATTERN, datetime, "date-time"),
    Rule("moment_invalid", 'write the time as a JSON string with its time zone such as "2026-01-31T17:30:00Z"'),
]

Hours = Annotated[
    Decimal,
    Field(strict=False, gt=0, le=24),
    Written(_LINE_HOURS_PATTERN, Decimal, made=_hundredths),
    Rule("hours_invalid", 'write hours as a JSON string above 0 and up to 24, at most two decimals, such as "7.50"'),
]
"""Hours of one line of a sheet."""

SignedHours = Annotated[
    Decimal,
    Field(strict=False),
    Written(_HOURS_PATTERN, Decimal, made=_hundredths),
    Rule("hours_invalid", 'write hours as a JSON string with at most two decimals such as "-7.50"'),
]
"""Hours that a command books or, below zero, takes back."""

PlannedHours = Annotated[
    Decimal,
    Field(strict=False, ge=0),
    Written(_PLANNED_HOURS_PATTERN, Decimal, made=_hundredths),
    Rule("hours_invalid", 'write hours as a JSON string, zero or more, at most two decimals, such as "120.00"'),
]
"""Hours that are planned for a period, of one person or of many."""

Percent = Annotated[
    Decimal,
    Field(strict=False, ge=-1000, le=100),
    Written(_HOURS_PATTERN, Decimal, made=_hundredths),
    Rule(
        "percent_invalid", 'write it in per cent as a JSON string with at most two decimals, up to 100, such as "17.50"'
    ),
]
"""A share in per cent; a loss is below zero."""

Amount = Annotated[
    Decimal,
    Field(strict=False),
    Written(AMOUNT_PATTERN, Decimal, made=_plain),
    Rule("amount_invalid", 'write the amount as a JSON string of digits such as "1250.00" or "-0.05"'),
]
"""An amount of a command, whose currency is a field beside it."""

Revision = Annotated[
    int,
    Field(strict=True, ge=1, le=2**31 - 1),
    Rule("revision_invalid", "write the revision as a whole JSON number from 1 to 2147483647"),
]

BillingMethod = Literal["time_and_materials", "fixed_fee", "retainer"]


_SMALLEST: Final = {code: Decimal(1).scaleb(-digits) for code, digits in MINOR_UNITS.items()}


def check_scale(value: Decimal, currency: str) -> None:
    """Refuse an amount with more decimals than its currency has; it is never rounded silently."""
    if value.same_quantum(_SMALLEST[currency]):  # most amounts have exactly these decimals
        return
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > MINOR_UNITS[currency]:
        raise PydanticCustomError(
            "amount_scale",
            "{currency} has {digits} decimals, so write the amount with at most that many; it is not rounded here",
            {"currency": currency, "digits": MINOR_UNITS[currency]},
        )


class Money(Record):
    """An exact amount with its currency: `{"amount": "123.45", "currency": "EUR"}`."""

    amount: Annotated[
        str,
        Field(pattern=AMOUNT_PATTERN),
        Rule(
            "amount_invalid",
            'write the amount as a JSON string of at most 15 digits and a decimal point such as "1250.00": '
            "no exponent, plus sign, leading zero, or grouping",
        ),
    ]
    currency: Currency

    @model_validator(mode="after")
    def _exact(self) -> Self:
        check_scale(self.decimal, self.currency)
        return self

    @property
    def decimal(self) -> Decimal:
        """The amount as an exact decimal with the decimals that were written."""
        return Decimal(self.amount)

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Self:
        """Money of an exact decimal. Raises `ValueError` when the currency has not that many decimals."""
        return cls(amount=format(amount, "f"), currency=currency)


def _not_negative(money: Money) -> Money:
    if money.amount.startswith("-"):
        raise PydanticCustomError("amount_negative", "write an amount that is zero or more")
    return money


Price = Annotated[Money, AfterValidator(_not_negative)]
"""Money that is zero or more."""


class Reference(Record):
    """Names an entity: `{"id": ...}` is our canonical id, `{"system": ..., "external_id": ...}` another system's."""

    id: Id | None = None
    system: System | None = None
    external_id: Id | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        ours = self.id is not None
        theirs = self.system is not None
        if ours == theirs or theirs != (self.external_id is not None):
            raise PydanticCustomError(
                "reference_form", "give either `id` alone, or `system` and `external_id` together"
            )
        return self

    def key(self, entity: str) -> ActorKey:
        """The key of the `entity` that is meant; an external key where another system's id names it."""
        if self.id is not None:
            return ActorKey(entity, self.id)
        return external_key(f"{self.system}", entity, f"{self.external_id}")


class Period(Record):
    """The days from `starts_on` to `ends_on`, both included."""

    starts_on: Day
    ends_on: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        return self
