"""Whether one release can take the place of another: what its schemas refuse, or leave out, of what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

Schema = Mapping[str, Any]

_AT_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AS_IT_IS: Final = ("pattern", "format", "multipleOf", "uniqueItems", "prefixItems", "propertyNames",
            "patternProperties", "not", "allOf")  # fmt: skip
"""Nobody can tell which of two is narrower: each difference counts."""
_NOTHING: Final[Schema] = MappingProxyType({})


def breaks(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What breaks for others when `after` takes the place of `before`, both as `catalogue.record` has them.

    What is taken may only become wider. What is given may only become narrower; members may be added to it, since
    readers ignore those that they do not know.
    """
    return [each for name, entry in before.items() for each in _of_entry(name, entry, after.get(name))]


def _of_entry(name: str, before: Mapping[str, Any], after: Mapping[str, Any] | None) -> list[str]:
    if after is None:
        return [f"{name}: it is gone"]
    if before["way"] != after["way"]:
        return [f"{name}: it was {before['way']}, and is {after['way']}"]
    old, new = before["schema"], after["schema"]
    if before["way"] == "taken":
        return [*_Reading(old, new, _TAKEN).narrower(old, new, name)]
    return [*_Reading(new, old, _GIVEN, ignores_more=True).narrower(new, old, name)]


@dataclass(frozen=True, slots=True)
class _Words:
    """How a finding is told. `{}` is what of it."""

    values: str
    bound: str
    needed: str
    unknown: str


_TAKEN: Final = _Words("refuses {} now", "is bound by {} now", "{} must be sent now", "{} is refused now")
_GIVEN: Final = _Words("may be {} now", "was bound by {} before", "{} may be missing now", "{} is new")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Somebody writes by `written`, and somebody reads by `read`: two documents, for what they name in themselves.

    `ignores_more`: whoever reads passes over members that it does not know.
    """

    written: Schema
    read: Schema
    words: _Words
    ignores_more: bool = False
    seen: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of names that are being compared: schemas may name themselves."""

    def narrower(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        """Where what is written so is not read so."""
        pair = (str(written.get("$ref")), str(read.get("$ref")))
        if "$ref" in written or "$ref" in read:
            if pair in self.seen:
                return
            self.seen.add(pair)
        try:
            yield from self._resolved(_found(written, self.written), _found(read, self.read), path)
        finally:
            self.seen.discard(pair)

    def _resolved(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        ways, readings = _branches(written), _branches(read)
        if len(ways) == len(readings) == 1:
            for part in (self._values, self._bounds, self._members, self._items):
                yield from part(written, read, path)
            return
        for way in ways:
            if not any(_is_empty(self.narrower(way, reading, path)) for reading in readings):
                yield f"{path}: {self.words.values.format(_shown(way))}"

    def _values(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        types = _types(written) - _types(read)
        if "number" in _types(read):
            types -= {"integer"}
        if "type" in read and (types or "type" not in written):
            yield f"{path}: {self.words.values.format(', '.join(sorted(types)) or 'anything')}"
        allowed, known = _chosen(written), _chosen(read)
        if known is not None:
            more = None if allowed is None else [value for value in allowed if value not in known]
            if more is None or more:
                told = "any other value" if more is None else ", ".join(map(str, more))
                yield f"{path}: {self.words.values.format(told)}"

    def _bounds(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        for name in _AT_LEAST:
            if name in read and (name not in written or written[name] < read[name]):
                yield f"{path}: {self.words.bound.format(f'{name} {read[name]}')}"
        for name in _AT_MOST:
            if name in read and (name not in written or written[name] > read[name]):
                yield f"{path}: {self.words.bound.format(f'{name} {read[name]}')}"
        for name in _AS_IT_IS:
            if name in read and written.get(name) != read[name]:
                yield f"{path}: {self.words.bound.format(f'another {name}')}"

    def _members(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        for name in sorted({*read.get("required", ())} - {*written.get("required", ())}):
            yield f"{path}: {self.words.needed.format(name)}"
        known = read.get("properties", {})
        for name, member in written.get("properties", {}).items():
            if name in known:
                yield from self.narrower(member, known[name], f"{path}.{name}")
            elif read.get("additionalProperties") is False and not self.ignores_more:
                yield f"{path}: {self.words.unknown.format(name)}"
        yield from self._others(written, read, path)

    def _others(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        """Members that no schema names."""
        some, taken = written.get("additionalProperties", True), read.get("additionalProperties", True)
        if some is False or taken is True or (taken is False and self.ignores_more):
            return
        if isinstance(some, Mapping) and isinstance(taken, Mapping):
            yield from self.narrower(some, taken, f"{path}.*")
        else:
            yield f"{path}: {self.words.unknown.format('any other member')}"

    def _items(self, written: Schema, read: Schema, path: str) -> Iterator[str]:
        if "items" in read:
            yield from self.narrower(written.get("items", _NOTHING), read["items"], f"{path}[]")


def _found(schema: Schema, document: Schema) -> Schema:
    """The schema itself where it is only named."""
    while "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _branches(schema: Schema) -> Sequence[Schema]:
    found: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or (schema,)
    return found


def _types(schema: Schema) -> set[str]:
    found = schema.get("type", ())
    return {found} if isinstance(found, str) else {*found}


def _chosen(schema: Schema) -> list[Any] | None:
    """The values that it names, if it names them."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _shown(schema: Schema) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2] or schema.get("type") or schema)


def _is_empty(found: Iterator[str]) -> bool:
    return next(found, None) is None
