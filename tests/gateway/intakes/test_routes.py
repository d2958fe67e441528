"""Which routing keys an intake's patterns mean, and when two of them mean the same message."""

from __future__ import annotations

from itertools import product

import pytest

from adapters.memory.broker_routing import matches as broker_matches
from gateway.intakes.routes import matches, overlap

WORDS = ["a", "b", "c"]
KEYS = [".".join(words) for count in range(1, 5) for words in product(WORDS, repeat=count)]
PATTERNS = [
    ".".join(("a", *words, *end))
    for count in range(3)
    for words in product(["a", "b", "*"], repeat=count)
    for end in ((), ("#",))
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_matches_as_the_broker_does(pattern: str) -> None:
    assert [key for key in KEYS if matches(pattern, key)] == [key for key in KEYS if broker_matches(pattern, key)]


def test_two_patterns_overlap_if_a_routing_key_matches_both() -> None:
    for one, other in product(PATTERNS, repeat=2):
        meant = any(matches(one, key) and matches(other, key) for key in KEYS)
        assert overlap(one, other) is meant, (one, other)
