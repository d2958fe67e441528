"""What a decision may leave behind beside state: claims, cases, and notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from schemas.acts import Act
from schemas.verdicts import Failure


class Claim(NamedTuple):
    """A value that one key alone may hold in its scope: a billed line, a tax id."""

    scope: str
    value: str


@dataclass(frozen=True, slots=True)
class Case:
    """A thing that a person must settle. `failure` carries the cause and how to mend it.

    `topic` names the case within its key, as in `approval:large_deal`: opened again it is the same case, and the
    decision that settles the topic closes it. Without one it belongs to the message or command that opened it.
    `acts` are what a person may do; they come back to the key as `schemas.acts.Acted`. `owner` is the role that must
    act, None: whoever the failure's class belongs to. `money` is what stands still meanwhile, by currency.
    `asks` is a digest of what exactly is asked, None: the topic says it all. It comes back with the act as what its
    author saw.
    `remind_after` and `due_after` are seconds, counted by the database from when the case was opened.
    """

    failure: Failure
    topic: str | None = None
    acts: tuple[Act, ...] = ()
    owner: str | None = None
    money: Mapping[str, Decimal] = field(default_factory=dict)
    remind_after: float | None = None
    due_after: float | None = None
    asks: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A committed fact for whoever listens, published as `entity.<entity>.<fact>`."""

    fact: str
    attributes: Mapping[str, str]
