"""When two names mean the same customer: what is compared of a name, and how alike two of them are."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz

from schemas.directory.entity import Entry
from schemas.keys import ActorKey

LONGEST: Final = 200
"""Characters of a name that are compared: it has to fit into an index entry."""
LETTERS: Final = 3
"""First letters that a directory's names share."""
ALIKE: Final = 92
"""Per cent from which on two names may mean the same customer. A letter that is wrong in ten leaves 90."""
MOST: Final = 10
"""Candidates that are named at most, the likeliest first."""

_FORMS: Final = frozenset({
    "ab", "ag", "and", "aps", "as", "asa", "bv", "bvba", "co", "company", "corp", "corporation", "dd", "doo", "eg",
    "ek", "eood", "ev", "gbr", "gesmbh", "ggmbh", "gmbh", "hf", "inc", "incorporated", "jsc", "kft", "kg", "kgaa",
    "kk", "lc", "limited", "llc", "llp", "lp", "ltd", "ltda", "mbh", "nv", "ohg", "oo", "oy", "oyj", "plc", "pllc",
    "pte", "pty", "pvt", "rt", "sa", "sab", "sapi", "sarl", "sas", "sca", "scs", "se", "sl", "slu", "snc", "sp",
    "spa", "spzoo", "srl", "sro", "ug", "zoo", "zrt",
})  # fmt: skip
"""Legal forms as they stand at the end of names, without dots."""
_LEADING: Final = frozenset({"the", "ooo", "pt"})
_DROPPED: Final = frozenset(".'’")
_AND: Final = frozenset("&+")


@dataclass(frozen=True, slots=True)
class Likeness:
    """Another customer, and how alike its name is, in per cent."""

    id: str
    name: str
    score: int


@lru_cache(maxsize=10_000)
def compared(name: str) -> str:
    """What is compared of a name: words in lower case without accents, punctuation, and legal form.

    Empty for a name that has no letter and no digit.
    """
    text = "".join(map(_plain, unicodedata.normalize("NFKD", name).casefold()))
    words = text.split()
    while len(words) > 1 and words[-1] in _FORMS:
        words.pop()
    while len(words) > 1 and words[0] in _LEADING:
        words.pop(0)
    return " ".join(words)[:LONGEST].rstrip()


def _plain(letter: str) -> str:
    if letter in _DROPPED or unicodedata.combining(letter):
        return ""
    if letter in _AND:
        return " and "
    return letter if letter.isalnum() else " "


def directory_of(country: str, name: str) -> ActorKey | None:
    """The directory that lists a name as compared; None for a name that is empty."""
    letters = name.replace(" ", "")[:LETTERS]
    return ActorKey("directory", f"{country}/{letters}") if letters else None


def likeness(one: str, other: str) -> int:
    """How alike two names are as compared, in per cent; the order of words is no difference.

    Names that differ in a number or in a single letter are of two customers: `Store 12`, `Plant B`.
    """
    if _marks(one) != _marks(other):
        return 0
    return int(fuzz.token_sort_ratio(one, other))


def _marks(name: str) -> list[str]:
    return sorted(word for word in name.split() if len(word) == 1 or any(map(str.isdigit, word)))


def nearest(
    customer: str, name: str, distinct_from: Collection[str], entries: Mapping[str, Entry]
) -> tuple[Likeness, ...]:
    """Who else is listed under nearly that name, and was not told apart from `customer` by a person."""
    found = [
        Likeness(id, entry.name, score)
        for id, entry in entries.items()
        if id != customer and id not in distinct_from and customer not in entry.distinct_from
        if (score := likeness(name, entry.name)) >= ALIKE
    ]
    return tuple(sorted(found, key=lambda each: (-each.score, each.id))[:MOST])
