"""The base of every model that crosses the edge: frozen, strict, and refusing fields that it does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value. Strict: a number is not read as a text, nor `"yes"` as a boolean.

    The docstring below a field is its description in the JSON Schema.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    def to_json(self) -> bytes:
        """The record as JSON: fields in the order of the class, decimals as strings, so always the same bytes."""
        return self.__pydantic_serializer__.to_json(self)
