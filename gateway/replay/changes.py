"""Which fields of a state or an event differ, as people read them: what is about people is not told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Final, TypeGuard

import orjson

from adapters.ports.replays import Change
from schemas.personal import MASK, PEOPLE, is_personal, without

MOST: Final = 50
"""Fields of one message that are kept."""
WIDTH: Final = 200
"""Characters of one value that are kept."""
_NONE: Final = object()


def changes(entity: str, before: object, after: object) -> tuple[Change, ...]:
    """The fields in which two JSON values of this kind of entity differ, in the order of the first.

    A list is compared place by place. Of what is personal it is told that it differs, with a mask for each value:
    these are shown, and kept with replays, without anybody's saying why.
    """
    return tuple(islice(_differing("", before, after, is_person=entity in PEOPLE), MOST))


def _differing(path: str, before: object, after: object, *, is_person: bool) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            at, one, other = f"{path}.{name}" if path else name, before.get(name, _NONE), after.get(name, _NONE)
            if is_personal(name, is_person=is_person) and one != other:
                yield Change(at, _hidden(one), _hidden(other))
            else:
                yield from _differing(at, one, other, is_person=is_person or name in PEOPLE)
    elif _is_list(before) and _is_list(after):
        for place, (one, other) in enumerate(zip_longest(before, after, fillvalue=_NONE)):
            yield from _differing(f"{path}[{place}]", one, other, is_person=is_person)
    else:
        yield Change(path, _written(before, is_person=is_person), _written(after, is_person=is_person))


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _hidden(value: object) -> str | None:
    return _written(value if value in (None, _NONE) else MASK, is_person=False)


def _written(value: object, *, is_person: bool) -> str | None:
    if value is _NONE:
        return None
    text = orjson.dumps(without(value, is_person=is_person)).decode()
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"
