"""Which project of Redmine is meant by our id: none, one, several, or somebody else's; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import combining, normalize

from adapters.redmine.answers import Answer, Reply
from adapters.redmine.errors import of_read
from adapters.redmine.mapping import identifier
from adapters.redmine.records import OneProject, Project
from schemas.commands import Deferred, Unknown
from schemas.operations.project import ProjectPut
from schemas.verdicts import Failure, FailureClass

MOST_HITS: Final = 100
"""Projects on a page; more than one of them with our id is too many already."""


@dataclass(frozen=True, slots=True)
class Found:
    """The one project that carries our id."""

    project: Project


@dataclass(frozen=True, slots=True)
class Missing:
    """None carries our id, and its identifier is free."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A person must say which project is meant. `proves_absence`: it is seen that what stands there is not ours."""

    failure: Failure
    proves_absence: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """The question was not answered."""

    outcome: Deferred | Unknown


def among(hits: Sequence[Project], project_id: str, number: int) -> Found | Taken | None:
    """What a search by custom field `number` found; None where nothing carries our id."""
    ours = [project for project in hits if project.text(number) == project_id]
    # Databases may take letters of either case, or with and without accents, for the same.
    strangers = [project for project in hits if _folded(project.text(number)) != _folded(project_id)]
    if strangers:
        reason = (
            f"Redmine does not search by custom field {number}: check its number in `fields.project_id`, tick `Used as "
            "a filter` in it, and let our user's role see it; then retry."
        )
        return Taken(Failure(FailureClass.MAPPING, "field_not_searched", reason))
    if len(ours) > 1:
        first, second, *_ = ours
        reason = (
            f"Projects {first.identifier} ({first.id}) and {second.identifier} ({second.id}) both carry the project id "
            f"{project_id}: take it out of the one that is not meant, then retry."
        )
        return Taken(Failure(FailureClass.DUPLICATE, "project_twice", reason, "project_id"))
    return Found(ours[0]) if ours else None


def under_identifier(reply: Reply, put: ProjectPut, number: int) -> Found | Missing | Taken | Unread:
    """What stands under the identifier of our id, after no project was found that carries it."""
    if not isinstance(reply, Answer):
        return Unread(of_read(reply))
    name = identifier(put.project_id)
    match reply.status:
        case 404:
            return Missing()
        case 403:
            reason = (
                f"The identifier {name} belongs to a project that our user may not see: unarchive it, or make our "
                "user a member of it, then retry."
            )
            return Taken(Failure(FailureClass.AUTH, "project_hidden", reason, "project_id"))
        case 200 if (found := reply.read(OneProject)) is not None:
            other = found.project.text(number)
            if other == put.project_id:
                # It came after the search.
                return Found(found.project)
            # Redmine keeps the name of a project whose fields it drops: without an id, one of our name may be ours.
            is_elses = bool(other) or (number in found.project.field_numbers and found.project.name != put.name)
            theirs = f"carries the project id {other}" if other else "carries no project id"
            reason = (
                f"Project {name} ({found.project.id}) {theirs}, and project {put.project_id} would get the "
                f"same identifier: if it is the one that is meant, write {put.project_id} into custom field {number}, "
                "otherwise remove it; then retry."
            )
            return Taken(Failure(FailureClass.DUPLICATE, "identifier_taken", reason, "project_id"), is_elses)
        case _:
            return Unread(of_read(reply))


def under_number(
    reply: Reply, psa_id: str, project_id: str, number: int, *, field: str = "psa_id"
) -> Found | Missing | Taken | Unread:
    """What stands under the number that Redmine gave our project; `field` is where the command names that."""
    if not isinstance(reply, Answer):
        return Unread(of_read(reply))
    match reply.status:
        case 404:
            return Missing()
        case 403:
            reason = (
                f"Project {psa_id} is one that our user may not see: unarchive it, or make our user a member of "
                "it, then retry; or resolve this if it is to stay so."
            )
            return Taken(Failure(FailureClass.AUTH, "project_hidden", reason, field))
        case 200 if (found := reply.read(OneProject)) is not None:
            other = found.project.text(number)
            if other == project_id:
                return Found(found.project)
            is_elses = bool(other) or number in found.project.field_numbers
            reason = (
                f"Project {found.project.identifier} ({psa_id}) does not carry the project id {project_id}: "
                "settle which project is meant, then retry."
            )
            return Taken(Failure(FailureClass.CONFLICT, "project_differs", reason, field), is_elses)
        case _:
            return Unread(of_read(reply))


def _folded(text: str) -> str:
    return "".join(char for char in normalize("NFKD", text) if not combining(char)).casefold().strip()
