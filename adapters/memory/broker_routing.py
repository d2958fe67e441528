"""Routing by topic as AMQP 0-9-1 has it: words between dots, `*` for one word, `#` for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=1024)  # a few bindings are asked about the same few keys for each message
def matches(pattern: str, routing_key: str) -> bool:
    """Whether a topic exchange sends `routing_key` to a queue that is bound by `pattern`."""
    return words_match(pattern.split("."), routing_key.split("."))


def words_match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    first, rest = pattern[0], pattern[1:]
    if first == "#":
        return any(words_match(rest, words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and first in {"*", words[0]} and words_match(rest, words[1:])
