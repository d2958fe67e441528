"""Redmine's records, with the members that we read; the REST API of version 5.0 has them (Rest_api in its wiki)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Named(_Record):
    """A record as another one mentions it."""

    id: int
    name: str = ""


class FieldValue(_Record):
    """The value of a custom field: a text, a list of texts, or none."""

    id: int
    name: str = ""
    value: object = None


class _Customized(_Record):
    custom_fields: tuple[FieldValue, ...] = ()

    def text(self, number: int) -> str:
        """The text in a custom field; empty where there is none, or where we may not see it."""
        for each in self.custom_fields:
            if each.id == number:
                return each.value if isinstance(each.value, str) else ""
        return ""

    @property
    def field_numbers(self) -> frozenset[int]:
        """The custom fields that we may see."""
        return frozenset(each.id for each in self.custom_fields)


CLOSED = 5
"""Status of a project that is kept, and not written to any more."""


ARCHIVED = 9
"""Status of a project that is kept, and hidden from everybody but administrators."""

NO_TIME = frozenset({CLOSED, ARCHIVED})
"""No time can be written on a project of these."""


class Project(_Customized):
    """A project. `enabled_modules` is there where it was asked for."""

    id: int
    name: str
    identifier: str
    status: int = 1
    enabled_modules: tuple[Named, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of what is switched on in it."""
        return tuple(each.name for each in self.enabled_modules)


class OneProject(_Record):
    """The answer of `/projects/ID.json` and `POST /projects.json`."""

    project: Project


class Projects(_Record):
    """The answer of `/projects.json`."""

    projects: tuple[Project, ...]


class Page(_Record):
    """A page of a wiki; its version rises with each change."""

    title: str
    text: str
    version: int


class OnePage(_Record):
    """The answer of `/projects/ID/wiki/TITLE.json`."""

    wiki_page: Page


class TimeEntry(_Customized):
    """Hours of one day. Redmine stamps in whole seconds."""

    id: int
    project: Named
    user: Named | None = None
    activity: Named | None = None
    hours: Decimal
    comments: str | None = None
    spent_on: date
    created_on: datetime
    updated_on: datetime


class TimeEntries(_Record):
    """The answer of `/time_entries.json`."""

    time_entries: tuple[TimeEntry, ...]
    total_count: int


class Membership(_Record):
    """The roles of a user in one project."""

    roles: tuple[Named, ...] = ()


class User(_Record):
    """A user; `memberships` are there where they were asked for."""

    id: int
    login: str = ""
    admin: bool = False
    memberships: tuple[Membership, ...] = ()


class OneUser(_Record):
    """The answer of `/users/ID.json` and `/users/current.json`."""

    user: User


class Role(_Record):
    """What a role may do."""

    id: int
    name: str
    permissions: tuple[str, ...] = ()
    time_entries_visibility: str = ""
    users_visibility: str = ""


class OneRole(_Record):
    """The answer of `/roles/ID.json`."""

    role: Role


class CustomField(_Record):
    """How a custom field is made; administrators alone are told."""

    id: int
    name: str
    customized_type: str = ""
    field_format: str = ""
    is_filter: bool = False
    multiple: bool = False
    visible: bool = True


class CustomFields(_Record):
    """The answer of `/custom_fields.json`."""

    custom_fields: tuple[CustomField, ...]


class Errors(_Record):
    """What a refusal (422) says, a sentence for each."""

    errors: tuple[str, ...]
