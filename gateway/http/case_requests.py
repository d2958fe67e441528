"""What a request about cases may carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from aiohttp import hdrs, web
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.cases import CaseFilter
from gateway.case_classes import owned_by
from gateway.http.problems import PRECONDITION_MISSING, REQUEST_INVALID, Problem
from gateway.http.requests import Class, PageQuery, Reason, Text
from schemas.record import Record
from schemas.rules import Rule
from schemas.values import Id

CLICK: Final = "Idempotency-Key"

State = Annotated[Literal["open", "closed"], Rule("state_unknown", "write open or closed")]


class CasesQuery(PageQuery):
    """`GET /v1/cases` and `/v1/cases.csv`. `class` is a word of Python's."""

    state: State = "open"
    failure_class: Class | None = Field(None, alias="class")
    owner: Text | None = None
    assignee: Text | None = None
    entity: Text | None = None
    key: Text | None = None
    fingerprint: Text | None = None
    group: Annotated[Literal["true", "false"], Rule("group_invalid", "write true or false")] = "false"

    @property
    def chosen(self) -> CaseFilter:
        """The cases that it means."""
        owned = None if self.owner is None else owned_by(self.owner)
        return CaseFilter(
            self.state == "open", self.failure_class, owned, self.assignee, self.entity, self.key, self.fingerprint
        )


class EditCase(Record):
    """The body of a `PATCH`: who takes the case, null for nobody; a note; or both."""

    assignee: Id | None = None
    note: Reason | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.assigns and self.note is None:
            raise PydanticCustomError("edit_empty", "write `assignee`, `note`, or both")
        return self

    @property
    def assigns(self) -> bool:
        """Whether it says who takes the case."""
        return "assignee" in self.model_fields_set


def _storable(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what no event can carry: it would be kept nowhere."""
    rest: list[Any] = [changes]
    while rest:
        match rest.pop():
            case bool():
                pass
            case int() as number if not -(2**63) <= number < 2**63:
                raise PydanticCustomError("number_too_large", "write numbers beyond 64 bits as JSON strings")
            case str() as text if "\0" in text:
                raise PydanticCustomError("null_character", "leave out the character U+0000")
            case dict() as members:
                rest += [*members, *members.values()]
            case list() as items:
                rest += items
            case _:
                pass
    return changes


Changes = Annotated[Mapping[str, Any], AfterValidator(_storable)]
"""Fields that a person has corrected."""


class ActOnCase(Record):
    """The body of an act on a case."""

    reason: Reason
    changes: Changes | None = None
    """The corrected fields, with `edit-retry`; with `cancel` which of two stays, where the case asks for it."""


def case_id(request: web.Request) -> int:
    """The number that the path names. Raises `Problem`."""
    found = request.match_info["id"]
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise Problem(REQUEST_INVALID, "The path names a case by its number, as /v1/cases shows it.")
    return int(found)


def must_have_seen(request: web.Request) -> int:
    """The version of the case that its caller has seen. Raises `Problem`, also without one."""
    version = seen_version(request)
    if version is None:
        raise unseen()
    return version


def unseen() -> Problem:
    """The refusal of a caller who does not say what they have seen."""
    return Problem(PRECONDITION_MISSING, "Send the header If-Match with the ETag of the case as you have seen it.")


def seen_version(request: web.Request) -> int | None:
    """The same for who need not say what they have seen."""
    tag = request.headers.get(hdrs.IF_MATCH)
    if tag is None:
        return None
    number = tag.removeprefix('"').removesuffix('"')
    if not (tag == f'"{number}"' and number.isascii() and number.isdigit() and len(number) < 19):
        raise Problem(REQUEST_INVALID, "If-Match: send one ETag as GET /v1/cases/{id} answers it, with its quotes.")
    return int(number)


def click_key(request: web.Request) -> str | None:
    """The caller's own name of this act. Raises `Problem`."""
    key = request.headers.get(CLICK)
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Problem(REQUEST_INVALID, f"{CLICK}: write 1 to 200 printable ASCII characters.")
    return key
