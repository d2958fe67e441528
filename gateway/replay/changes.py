"""Which fields of a state differ, as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Final, TypeGuard

import orjson

from adapters.ports.replays import Change

MOST: Final = 50
"""Fields of one message that are kept."""
WIDTH: Final = 200
"""Characters of one value that are kept."""
_NONE: Final = object()


def changes(before: object, after: object) -> tuple[Change, ...]:
    """The fields in which two JSON values differ, in the order of the first; a list is compared place by place."""
    return tuple(islice(_differing("", before, after), MOST))


def _differing(path: str, before: object, after: object) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differing(f"{path}.{name}" if path else name, before.get(name, _NONE), after.get(name, _NONE))
    elif _is_list(before) and _is_list(after):
        for place, (one, other) in enumerate(zip_longest(before, after, fillvalue=_NONE)):
            yield from _differing(f"{path}[{place}]", one, other)
    else:
        yield Change(path, _written(before), _written(after))


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _written(value: object) -> str | None:
    if value is _NONE:
        return None
    text = orjson.dumps(value).decode()
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"
