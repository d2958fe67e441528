"""What a person does about a case, as the event by which its key learns of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from schemas.record import Record
from schemas.rules import Rule
from schemas.values import ID_PATTERN, Id, Note

Topic = Annotated[
    str,
    Field(strict=True, max_length=300, pattern=ID_PATTERN),
    Rule("topic_invalid", "write it as a JSON string of 1 to 300 characters on one line"),
]
"""The topic of a case: a kind and, after a colon, what it is about, which may be an id of full length."""


MOST_ROLES: Final = 100
"""Roles of one caller."""


class Act(StrEnum):
    """The closed set of what a person can do about a case."""

    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"
    EDIT_RETRY = "edit-retry"
    CANCEL = "cancel"
    RESOLVE = "resolve"


class ActedV1(Record):
    """A person has acted on the case of one topic. Comes from the API alone, which has asked who it is."""

    topic: Topic
    """The topic of the case within its key."""
    act: Annotated[Act, Field(strict=False)]
    by: Id
    """Who: the name of the caller, which for an employee is the id of the employee."""
    roles: Annotated[tuple[Id, ...], Field(strict=False, max_length=MOST_ROLES)] = ()
    """The roles of the caller."""
    reason: Note
    """Why, for people."""
    changes: Mapping[str, Any] | None = None
    """The corrected fields of an edit, which the actor checks against what it lets a person edit."""


class Acted(ActedV1):
    """A person has acted on the case of one topic as they saw it."""

    seen: Id | None = None
    """What the case asked when the act was begun, as its digest; left out where it is a case of its topic alone."""


def from_v1(acted: ActedV1) -> Acted:
    """Of an act of version 1 nobody knows what its author saw."""
    return Acted.model_construct(**dict(acted))
