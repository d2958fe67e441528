"""Where a value stands in a message: JSON Pointer (RFC 6901), from here or, with `$` in front, from the beginning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema

_FORM: Final = r"^\$?(?:/(?:[^~/]|~[01])*)*$"
_POINTER: Final = re.compile(_FORM)
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Pointer:
    """A parsed pointer. `steps` are the names and places on the way; none of them means the value itself."""

    text: str
    steps: tuple[str, ...]
    from_message: bool

    def find(self, message: object, here: object) -> object:
        """What stands there; None where nothing does, and for null, which says the same."""
        found = message if self.from_message else here
        for step in self.steps:
            match found:
                case dict():
                    found = found.get(step)
                case list() if _INDEX.fullmatch(step) and int(step) < len(found):
                    found = found[int(step)]
                case _:
                    return None
        return found

    def seen_from(self, at: str) -> str:
        """The pointer from the message's beginning, for people; `at` is where one stands."""
        return (self.text[1:] if self.from_message else at + self.text) or "the message"


def pointer(text: object) -> Pointer:
    """Raises `ValueError` that says how pointers are written."""
    if isinstance(text, Pointer):
        return text
    if not isinstance(text, str) or _POINTER.fullmatch(text) is None:
        raise ValueError(
            "write a JSON Pointer such as /sheet/id, with $ in front to begin at the whole message within a list; in a"
            " name ~1 stands for / and ~0 for ~"
        )
    whole = text.removeprefix("$")
    steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in whole.split("/")[1:])
    return Pointer(text, steps, text.startswith("$"))


Path = Annotated[Pointer, PlainValidator(pointer), WithJsonSchema({"type": "string", "pattern": _FORM})]
"""A pointer in the policy file."""
