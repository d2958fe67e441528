"""Annotations that say how a field is written in JSON, and in one plain sentence what is wrong when it is not.

All of it runs inside pydantic-core, so that a rule costs the hot path no Python call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Rule:
    """Whatever is wrong with the value, it is refused with this code and sentence.

    The sentence goes on after the field's name: `data.lines.0.hours: write hours as ...`.
    """

    code: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 pydantic hands over any type
        return core_schema.custom_error_schema(handler(source), self.code, custom_error_message=self.sentence)


@dataclass(frozen=True, slots=True)
class Written:
    """The value is a JSON string of this ASCII pattern; in Python it is an object of the type `python`.

    Without it a date could also come as a number of seconds, and a decimal as a float that has lost its digits.
    The annotated type has to be lax (`Field(strict=False)`), since it parses what passed the pattern. `made` is asked
    of a Python object alone, which comes from our own arithmetic: it raises `ValueError` for one that the pattern does
    not describe.
    """

    pattern: str
    python: type
    format: str | None = None
    made: Callable[[Any], Any] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 pydantic hands over any type
        parsed = handler(source)
        made = parsed if self.made is None else core_schema.no_info_after_validator_function(self.made, parsed)
        written = core_schema.chain_schema([core_schema.str_schema(pattern=self.pattern, strict=True), parsed])
        made_here = core_schema.chain_schema([core_schema.is_instance_schema(self.python), made])
        either = core_schema.union_schema([made_here, written], mode="left_to_right")
        return core_schema.json_or_python_schema(json_schema=written, python_schema=either)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written: JsonSchemaValue = {"type": "string", "pattern": self.pattern}
        return written if self.format is None else {**written, "format": self.format}


@dataclass(frozen=True, slots=True)
class Bytes:
    """A string of this pattern of at most so many bytes of UTF-8; one of ASCII, as most are, costs no call of ours."""

    most: int
    pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 pydantic hands over any type
        ascii_alone = core_schema.str_schema(pattern=r"^[ -~]+$", max_length=self.most, strict=True)
        any_text = core_schema.str_schema(pattern=self.pattern, max_length=self.most, strict=True)
        counted = core_schema.no_info_after_validator_function(self._counted, any_text)
        return core_schema.union_schema([ascii_alone, counted], mode="left_to_right")

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": self.most, "pattern": self.pattern}

    def _counted(self, text: str) -> str:
        if len(text.encode()) > self.most:
            raise ValueError
        return text
