"""From bytes to JSON values: caps first, then one strict parse that refuses what other parsers let through."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

import jiter

from schemas.refusals import refused, shown


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that are checked before a message is parsed.

    `body_bytes`: size of the body. `depth`: objects and arrays inside each other. `headers`: how many headers a message
    in binary mode may have. `header_bytes`: size of each header that we read. At most 199 for `depth`: the parser
    itself stops at 200. `number`: the largest one that an attribute may have, checked once it is parsed.
    """

    body_bytes: int = 1024 * 1024
    depth: int = 32
    headers: int = 256
    header_bytes: int = 1024
    number: float = sys.float_info.max


LIMITS: Final = Limits()

_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CONTENT: Final = bytes(set(range(256)) - set(b'[]{}"'))
_NOT_A_NUMBER: Final = re.compile(rb"[:\[,]\s*-?(?:NaN|Infinity|inf|nan)")

_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "Detected duplicate key": ("duplicate_key", "an object has the same key twice; send each key once"),
    "recursion limit": ("too_deep", "objects and arrays are nested too deep; flatten them"),
    "number out of range": ("number_too_long", "a number has too many digits; send ids and amounts as JSON strings"),
    "invalid unicode code point": ("invalid_utf8", "the body is not valid UTF-8; encode it as UTF-8"),
    "lone leading surrogate": ("lone_surrogate", "a string has half of a surrogate pair; send whole characters"),
    "unexpected end of hex escape": ("lone_surrogate", "a string has half of a surrogate pair; send whole characters"),
}
"""What jiter says, by its beginning, as (code, sentence)."""


def parse(body: bytes, limits: Limits, numbers: Literal["float", "lossless-float"] = "float") -> object:
    """The JSON value in `body`. Raises `Undecodable`. With `lossless-float`, numbers keep the digits they came with."""
    if len(body) > limits.body_bytes:
        raise refused("body_too_large", f"the body has {len(body)} bytes; send at most {limits.body_bytes}")
    if body.count(b"{") + body.count(b"[") > limits.depth and _is_deeper(body, limits.depth):
        raise refused("too_deep", f"objects and arrays are nested deeper than {limits.depth}; flatten them")
    if b"\\u0000" in body and b"\\u0000" in body.replace(b"\\\\", b""):
        raise refused("null_character", "a string has the character U+0000, which databases refuse; remove it")
    try:
        return jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, float_mode=numbers)
    except ValueError as error:
        code, sentence = _explained(body, str(error))
        raise refused(code, f"{sentence} ({shown(str(error))})") from error


def has_number_above(value: object, most: float) -> bool:
    """Whether a JSON value holds a number that is further from zero than `most`."""
    match value:
        case bool():
            return False
        case int() | float():
            return abs(value) > most
        case list():
            return any(has_number_above(each, most) for each in value)
        case dict():
            return any(has_number_above(each, most) for each in value.values())
        case _:
            return False


def _is_deeper(body: bytes, depth: int) -> bool:
    """Whether brackets outside of strings nest deeper. Only brackets reach the loop, all else is dropped at once."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    kept = body.translate(None, _CONTENT).replace(b'""', b"")
    if b'"' in kept:
        kept = b"".join(kept.split(b'"')[::2])
    return any(level > depth for level in accumulate(map(_STEPS.__getitem__, kept)))


def _explained(body: bytes, message: str) -> tuple[str, str]:
    for beginning, refusal in _REFUSALS.items():
        if message.startswith(beginning):
            return refusal
    if _NOT_A_NUMBER.search(body):
        return "not_a_number", "NaN and Infinity are not JSON; send a number that exists, or leave the field out"
    return "not_json", "the body is not valid JSON; correct it"
