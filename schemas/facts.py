"""What a decision may leave behind beside state: claims, cases, and notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.verdicts import Failure


class Claim(NamedTuple):
    """A value that one key alone may hold in its scope: a billed line, a tax id."""

    scope: str
    value: str


@dataclass(frozen=True, slots=True)
class Case:
    """A thing that a person must settle. `failure` carries the cause and how to mend it."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Notice:
    """A committed fact for whoever listens, published as `entity.<entity>.<fact>`."""

    fact: str
    attributes: Mapping[str, str]
