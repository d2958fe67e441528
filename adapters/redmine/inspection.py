"""What a Redmine is, who we are there, and what of our needs it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from adapters.ports.inspection import Inspection, NotInspected, Right
from adapters.redmine.answers import Answer
from adapters.redmine.client import Client
from adapters.redmine.errors import of_read
from adapters.redmine.records import CustomField, CustomFields, OneRole, OneUser, Projects, Role, TimeEntries, User
from adapters.redmine.settings import RedmineFields, RedmineSettings

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "add_project": "Create project",
        "edit_project": "Edit project",
        "close_project": "Close / reopen the project",
    }
)
"""Permissions of Redmine that the gateway needs -> what its screens call them."""

TO_SHOW: Mapping[str, str] = MappingProxyType({"view_wiki_pages": "View wiki", "edit_wiki_pages": "Edit wiki pages"})
"""Those that it needs where it shows invoices."""

TO_READ: Mapping[str, str] = MappingProxyType({"view_time_entries": "View spent time"})
"""Those that it needs where it reads time entries."""


@dataclass(frozen=True, slots=True)
class Told:
    """What Redmine told of us. `fields` are told to administrators alone; others see the fields of some record.

    `of_projects` and `of_entries` are None where we see none, or where none are read.
    """

    user: User
    roles: tuple[Role, ...]
    fields: tuple[CustomField, ...] | None
    of_projects: frozenset[int] | None
    of_entries: frozenset[int] | None


async def inspected(client: Client, settings: RedmineSettings, *, reads_changes: bool) -> Inspection:
    """Ask; raises `NotInspected`."""
    reply = await client.get("/users/current.json", [("include", "memberships")])
    me = reply.read(OneUser) if isinstance(reply, Answer) and reply.status == 200 else None
    if me is None or not isinstance(reply, Answer):
        raise NotInspected(f"{settings.url}: {of_read(reply).failure.reason}")
    told = Told(
        user=me.user,
        roles=await _roles(client, me.user),
        fields=await _fields(client),
        of_projects=await _of_projects(client),
        of_entries=await _of_entries(client) if reads_changes else None,
    )
    kind = "an administrator" if me.user.admin else "no administrator"
    shows = "receivable.put" in settings.operations
    rights = rights_of(told, settings.fields, reads_changes=reads_changes, shows_invoices=shows)
    if reads_changes:
        clock = "its clock" if reply.date else "its clock, not told by a Date header: changes are read by our own"
        rights = (Right(clock), *rights)
    return Inspection(None, f"user {me.user.login}, {kind}", reply.date, rights, {})


def rights_of(
    told: Told, fields: RedmineFields, *, reads_changes: bool, shows_invoices: bool = False
) -> tuple[Right, ...]:
    """What the gateway needs, and what of it is missing; pure."""
    rights = [*_permissions(told, PERMISSIONS), *_fields_of_projects(told, fields)]
    if shows_invoices:
        rights += _permissions(told, TO_SHOW)
    if reads_changes:
        entries = _field("approval", fields.approval, "time_entry", "list", told.fields, told.of_entries)
        rights += [*_permissions(told, TO_READ), *_sights(told), entries]
    return tuple(rights)


def _permissions(told: Told, needed: Mapping[str, str]) -> list[Right]:
    has = {permission for role in told.roles for permission in role.permissions}
    return [
        Right(
            f"permission {name}",
            None
            if told.user.admin or name in has
            else f"give our user's role `{screen}`, and make the user a member of some project",
        )
        for name, screen in needed.items()
    ]


def _sights(told: Told) -> list[Right]:
    """Whose time and logins we may see."""
    sees_time = told.user.admin or any(role.time_entries_visibility == "all" for role in told.roles)
    sees_users = told.user.admin or any(role.users_visibility == "all" for role in told.roles)
    return [
        Right("time of everybody", None if sees_time else "let our user's role see all time entries"),
        Right("logins of everybody", None if sees_users else "let our user's role see all active users"),
    ]


def _fields_of_projects(told: Told, fields: RedmineFields) -> list[Right]:
    numbers = {
        "project_id": fields.project_id,
        "erp_id": fields.erp_id,
        "legal_entity": fields.legal_entity,
        "currency": fields.currency,
    }
    return [
        _field(name, number, "project", "string", told.fields, told.of_projects) for name, number in numbers.items()
    ]


def _field(
    name: str, number: int, record: str, form: str, known: Sequence[CustomField] | None, seen: frozenset[int] | None
) -> Right:
    title = f"custom field {number} of {record} ({name})"
    if known is None:
        if seen is None:
            return Right(f"{title}, not checked: our user sees no {record} yet")
        missing = f"make it, let our user's role see it, and write its number into fields.{name}"
        return Right(title, None if number in seen else missing)
    field = next((each for each in known if each.id == number), None)
    if field is None:
        return Right(title, f"there is none: make it, and write its number into fields.{name}")
    if field.customized_type != record:
        return Right(title, f"it is a field of {field.customized_type}: correct fields.{name}")
    if field.field_format != form or field.multiple:
        return Right(title, f"make it a field of format {form} with one value")
    if name == "project_id" and not field.is_filter:
        return Right(title, "tick `Used as a filter` in it: projects are searched by it")
    return Right(title)


async def _roles(client: Client, user: User) -> tuple[Role, ...]:
    """Our user's roles, each read once."""
    found = []
    for number in sorted({role.id for membership in user.memberships for role in membership.roles}):
        reply = await client.get(f"/roles/{number}.json")
        one = reply.read(OneRole) if isinstance(reply, Answer) and reply.status == 200 else None
        if one is None:
            raise NotInspected(f"role {number} could not be read: {of_read(reply).failure.reason}")
        found.append(one.role)
    return tuple(found)


async def _fields(client: Client) -> tuple[CustomField, ...] | None:
    """All custom fields; None where we are not told."""
    reply = await client.get("/custom_fields.json")
    if isinstance(reply, Answer) and reply.status == 403:
        return None
    found = reply.read(CustomFields) if isinstance(reply, Answer) and reply.status == 200 else None
    if found is None:
        raise NotInspected(f"custom fields could not be read: {of_read(reply).failure.reason}")
    return found.custom_fields


async def _of_projects(client: Client) -> frozenset[int] | None:
    """Custom fields of some project; None where we see no project."""
    reply = await client.get("/projects.json", [("limit", "1")])
    page = reply.read(Projects) if isinstance(reply, Answer) and reply.status == 200 else None
    if page is None:
        raise NotInspected(f"projects could not be read: {of_read(reply).failure.reason}")
    return page.projects[0].field_numbers if page.projects else None


async def _of_entries(client: Client) -> frozenset[int] | None:
    """Custom fields of some time entry; None where we see none."""
    reply = await client.get("/time_entries.json", [("limit", "1")])
    if isinstance(reply, Answer) and reply.status == 403:
        return None
    page = reply.read(TimeEntries) if isinstance(reply, Answer) and reply.status == 200 else None
    if page is None:
        raise NotInspected(f"time entries could not be read: {of_read(reply).failure.reason}")
    return page.time_entries[0].field_numbers if page.time_entries else None
