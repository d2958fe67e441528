"""Which intake a routing key means. Patterns have one form, so that no message can come by two queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from gateway.intakes.intake import Intake


def matches(pattern: str, routing_key: str) -> bool:
    """Whether a topic exchange sends `routing_key` by `pattern`, where `#` stands at its end alone."""
    wanted, words = pattern.split("."), routing_key.split(".")
    if wanted[-1] == "#":
        wanted.pop()
        words = words[: len(wanted)]
    return len(wanted) == len(words) and all(each in {"*", word} for each, word in zip(wanted, words, strict=True))


def overlap(one: str, other: str) -> bool:
    """Whether a routing key can match both patterns."""
    first, second = one.split("."), other.split(".")
    is_open, is_other_open = first[-1] == "#", second[-1] == "#"
    first, second = first[: len(first) - is_open], second[: len(second) - is_other_open]
    if not all(a == b or "*" in {a, b} for a, b in zip(first, second, strict=False)):
        return False
    return (
        len(first) == len(second)
        or (is_open and len(first) < len(second))
        or (is_other_open and len(second) < len(first))
    )


def clashes(intakes: Mapping[str, Intake]) -> Iterator[tuple[str, str, str, str]]:
    """Intakes by which the same message could come, each with its pattern: (one, pattern, other, pattern)."""
    for (one, first), (other, second) in combinations(intakes.items(), 2):
        for pattern in first.routing_keys:
            for against in second.routing_keys:
                if overlap(pattern, against):
                    yield one, pattern, other, against


def bindings(intakes: Mapping[str, Intake]) -> dict[str, tuple[str, ...]]:
    """Entity -> the routing keys that its queue is bound by, beside its own."""
    bound: dict[str, tuple[str, ...]] = {}
    for intake in intakes.values():
        bound[intake.entity] = (*bound.get(intake.entity, ()), *intake.routing_keys)
    return bound
