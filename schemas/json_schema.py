"""JSON Schema of the records that we accept or publish."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue

from schemas.record import Record


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 pydantic's own union of schema types
        return False


def json_schema(model: type[Record], title: str, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
    """JSON Schema (2020-12) of a model under the name it is known by.

    `mode`: `validation` for what others send us, `serialization` for what we publish.
    """
    schema = model.model_json_schema(schema_generator=_Untitled, mode=mode)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}
