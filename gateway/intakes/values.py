"""What the policy file may say of one value of an event: where it stands in the message, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeAlias, assert_never
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)

from gateway.intakes.pointer import Path, Pointer

KEYS: Final = ("path", "value", "join", "digest_of", "object", "each")
"""The key that each form of a value has alone."""
TRIED: Final = datetime(2026, 11, 25, 13, 45, 59)  # noqa: DTZ001 - it is only written and read again


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Form(StrEnum):
    """What a value of the message is turned into."""

    TEXT = "text"
    """A number as the text that stands in the message."""
    DECIMAL = "decimal"
    """Money and hours: a number as the exact decimal that stands in the message; a text as it is."""
    DAY = "day"
    """A text in `format`, as an ISO date."""
    MOMENT = "moment"
    """A text in `format`, as an ISO time with its time zone."""


def _scalar(value: object) -> object:
    """Refuse what YAML has made of something that was meant as text."""
    if not isinstance(value, str | bool | int):
        raise ValueError(  # noqa: TRY004 - pydantic makes mistakes of no other
            "write one text, whole number, true, or false; put money, hours, and days in quotes"
        )
    return value


def _exact(value: object) -> object:
    """The same at any depth."""
    match value:
        case dict():
            return {str(_scalar(key)): _exact(each) for key, each in value.items()}
        case list():
            return [_exact(each) for each in value]
        case _:
            return _scalar(value)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("write the name of a time zone such as Europe/Berlin") from error
    return name


Scalar = Annotated[Any, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "boolean", "integer"]})]
Exact = Annotated[
    Any, PlainValidator(_exact), WithJsonSchema({"type": ["string", "boolean", "integer", "array", "object"]})
]


class Found(_Strict):
    """A value of the message."""

    path: Path
    """Where it stands."""
    as_: Form | None = Field(default=None, alias="as")
    """What it is turned into; as it is, where this is left out."""
    format: str | None = Field(default=None, min_length=2, max_length=100)
    """How a day or a time is written, in the signs of Python's strptime, such as `%d.%m.%Y`."""
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    """Time zone of a time whose `format` has no `%z`."""
    map: Mapping[str, Scalar] | None = Field(default=None, min_length=1)
    """What stands in the message -> what is sent in its place. A value that is not in here is refused."""
    default: Scalar | None = None
    """What is sent where the message has nothing."""
    optional: bool = False
    """Whether the field is left out where the message has nothing; the message is refused otherwise."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.map is not None and self.as_ is not None:
            raise ValueError("give either `map` or `as`")
        if self.optional and self.default is not None:
            raise ValueError("give either `optional` or `default`")
        if (self.as_ in {Form.DAY, Form.MOMENT}) != (self.format is not None):
            raise ValueError("`as: day` and `as: moment` need `format`, and nothing else has it")
        if self.format is not None:
            self._check_format(self.format)
        return self

    def _check_format(self, form: str) -> None:
        is_moment = self.as_ is Form.MOMENT
        if (self.zone is not None) != (is_moment and "%z" not in form):
            raise ValueError("give `zone` to `as: moment` where its format has no %z, and to nothing else")
        written = TRIED.replace(tzinfo=ZoneInfo("UTC")).strftime(form)
        try:
            read = datetime.strptime(written, form).replace(tzinfo=None)  # noqa: DTZ007 - only its parts are compared
        except ValueError as error:
            raise ValueError(f"this format cannot be read: {error}") from error
        if read.date() != TRIED.date() or (is_moment and (read.hour, read.minute) != (TRIED.hour, TRIED.minute)):
            raise ValueError("this format leaves something out: write year, month, day, and for a time hour and minute")


class Constant(_Strict):
    """The same in every message."""

    value: Exact


class Digest(_Strict):
    """SHA-256 of some values, for messages that have no id; none of them may be missing."""

    digest_of: tuple[Path, ...] = Field(min_length=1, max_length=50)


def _form_of(entry: object) -> str | None:
    """By which of its keys a value is told from the others; the tags are no names that a file has."""
    if isinstance(entry, str | Pointer):
        return "=text"
    if isinstance(entry, Mapping):
        return next((f"={key}" for key in KEYS if key in entry), None)
    return next((f"={key}" for key in KEYS if hasattr(entry, key)), None)


def _one_of(*names: str) -> Any:  # noqa: ANN401 - pydantic's discriminators have no common type
    return Discriminator(
        _form_of,
        custom_error_type="value_form",
        custom_error_message=f"write a path such as /sheet/id, or an entry with one of the keys {', '.join(names)}",
    )


Leaf: TypeAlias = Annotated[
    Annotated[Path, Tag("=text")]
    | Annotated[Found, Tag("=path")]
    | Annotated[Constant, Tag("=value")]
    | Annotated[Digest, Tag("=digest_of")],
    _one_of("path", "value", "digest_of"),
]
"""A single value."""


class Joined(_Strict):
    """Several values as one text."""

    join: tuple[Leaf, ...] = Field(min_length=2, max_length=20)
    with_: str = Field(default="", alias="with", max_length=20)
    """What stands between them."""


class Nested(_Strict):
    """An object."""

    object: Mapping[str, Value] = Field(min_length=1)
    where: Path | None = None
    """The object is left out where the message has nothing here."""


class Each(_Strict):
    """A list, item by item."""

    each: Path
    """Where the list stands."""
    item: Value
    """What becomes of an item; its paths begin at the item."""
    optional: bool = False
    """Whether the field is left out where the message has no list."""


Value: TypeAlias = Annotated[
    Annotated[Path, Tag("=text")]
    | Annotated[Found, Tag("=path")]
    | Annotated[Constant, Tag("=value")]
    | Annotated[Joined, Tag("=join")]
    | Annotated[Digest, Tag("=digest_of")]
    | Annotated[Nested, Tag("=object")]
    | Annotated[Each, Tag("=each")],
    _one_of(*KEYS),
]
"""Any value; a text is short for `{path: …}`."""

Text: TypeAlias = Annotated[
    Annotated[Path, Tag("=text")]
    | Annotated[Found, Tag("=path")]
    | Annotated[Joined, Tag("=join")]
    | Annotated[Digest, Tag("=digest_of")],
    _one_of("path", "join", "digest_of"),
]
"""A value of the message that is one text."""

FORMS: Final = (Found, Constant, Joined, Digest, Nested, Each)

for _model in (Joined, Nested, Each):
    _model.model_rebuild()


def required_paths(value: Leaf | Text) -> Iterator[Pointer]:
    """The paths without which there is no such text."""
    match value:
        case Pointer():
            yield value
        case Found():
            if not value.optional and value.default is None:
                yield value.path
        case Constant():
            return
        case Joined():
            for each in value.join:
                yield from required_paths(each)
        case Digest():
            yield from value.digest_of
        case _:
            assert_never(value)
