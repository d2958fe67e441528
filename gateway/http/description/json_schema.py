"""JSON Schemas of what the API takes and gives, as `gateway.http.answers.written` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.keys import ActorKey

PLACE: Final = "#/components/schemas/"

JsonSchema = dict[str, Any]
Mode = Literal["validation", "serialization"]


class _AsWritten(GenerateJsonSchema):
    """Answers have all of their members; and a key is an object."""

    def named_tuple_schema(self, schema: core_schema.NamedTupleSchema) -> JsonSchemaValue:
        if schema["cls"] is ActorKey:
            text = {"type": "string"}
            return {
                "type": "object", "title": "ActorKey", "properties": {"entity": text, "key": text},
                "required": ["entity", "key"],
            }  # fmt: skip
        return super().named_tuple_schema(schema)

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001  # pydantic's own signature
    ) -> bool:
        if self.mode == "serialization" and field["type"] == "dataclass-field":
            return True
        return super().field_is_required(field, total)


def json_schemas(
    types: Mapping[str, tuple[Mode, Any]],
) -> tuple[dict[str, JsonSchema], dict[str, JsonSchema]]:
    """The schema of each type by its name here, and the named schemas that they share."""
    inputs: Sequence[tuple[str, Mode, TypeAdapter[Any]]] = [
        (name, mode, TypeAdapter(type_)) for name, (mode, type_) in types.items()
    ]
    found, shared = TypeAdapter.json_schemas(inputs, schema_generator=_AsWritten, ref_template=f"{PLACE}{{model}}")
    shared_schemas = {_short(name): _renamed(schema) for name, schema in shared.get("$defs", {}).items()}
    return {name: _renamed(found[name, mode]) for name, mode, _ in inputs}, shared_schemas


def _short(name: str) -> str:
    """The name of a schema; of two of one name, which pydantic names by their whole modules, with the module's own."""
    *_, module, own = ["", *name.split("__")]
    return f"{module.capitalize()}{own}"


def _renamed(schema: Any) -> Any:  # noqa: ANN401  # JSON
    match schema:
        case {"$ref": str(place), **others}:
            return {**others, "$ref": PLACE + _short(place.removeprefix(PLACE))}
        case dict():
            return {name: _renamed(part) for name, part in schema.items()}
        case list():
            return [_renamed(part) for part in schema]
        case _:
            return schema
