"""What a Redmine lacks, told with what to change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web

from adapters.ports.inspection import NotInspected
from adapters.redmine.inspection import Told, rights_of
from adapters.redmine.records import CustomField, Role, User
from adapters.redmine.settings import RedmineFields
from adapters.redmine.system import Redmine
from tests.adapters.redmine.stand_in import StandIn, json_response

FIELDS = RedmineFields(project_id=1, erp_id=2, legal_entity=3, currency=4, approval=5)
ALL = ("add_project", "edit_project", "close_project", "view_time_entries")
ROLE = Role(id=6, name="Gateway", permissions=ALL, time_entries_visibility="all", users_visibility="all")
KNOWN = (
    CustomField(id=1, name="Gateway project id", customized_type="project", field_format="string", is_filter=True),
    *(CustomField(id=number, name="x", customized_type="project", field_format="string") for number in (2, 3, 4)),
    CustomField(id=5, name="Approval", customized_type="time_entry", field_format="list"),
)
USER = User(id=5, login="gateway")
SOUND = Told(USER, (ROLE,), None, frozenset({1, 2, 3, 4}), frozenset({5}))
ADMIN = Told(User(id=1, login="admin", admin=True), (), KNOWN, None, None)


def missing(told: Told, fields: RedmineFields = FIELDS) -> dict[str, str]:
    rights = rights_of(told, fields, reads_changes=True)
    return {right.name: right.missing for right in rights if right.missing is not None}


def test_who_only_writes_projects_needs_less() -> None:
    role = ROLE.model_copy(update={"permissions": ALL[:3], "time_entries_visibility": "own"})
    told = Told(USER, (role,), None, SOUND.of_projects, None)
    assert [right for right in rights_of(told, FIELDS, reads_changes=False) if right.missing] == []


def test_who_shows_invoices_may_read_and_write_pages() -> None:
    rights = rights_of(SOUND, FIELDS, reads_changes=True, shows_invoices=True)
    missing = {right.name: right.missing or "" for right in rights if right.missing}
    assert list(missing) == ["permission view_wiki_pages", "permission edit_wiki_pages"]
    assert "`Edit wiki pages`" in missing["permission edit_wiki_pages"]


def with_role(**changed: object) -> Told:
    return Told(USER, (ROLE.model_copy(update=changed),), None, SOUND.of_projects, SOUND.of_entries)


def with_field(number: int, **changed: object) -> Told:
    fields = tuple(each.model_copy(update=changed) if each.id == number else each for each in KNOWN)
    return Told(ADMIN.user, (), fields, None, None)


@pytest.mark.parametrize("told", [SOUND, ADMIN])
def test_who_has_all_lacks_nothing(told: Told) -> None:
    assert missing(told) == {}


@pytest.mark.parametrize(
    ("told", "right", "change"),
    [
        (with_role(permissions=ALL[1:]), "permission add_project", "`Create project`"),
        (with_role(permissions=(*ALL[:2], ALL[3])), "permission close_project", "`Close / reopen the project`"),
        (with_role(permissions=ALL[:3]), "permission view_time_entries", "`View spent time`"),
        (with_role(time_entries_visibility="own"), "time of everybody", "all time entries"),
        (with_role(users_visibility="members_of_visible_projects"), "logins of everybody", "all active users"),
        (with_field(1, is_filter=False), "custom field 1 of project (project_id)", "Used as a filter"),
        (with_field(2, customized_type="issue"), "custom field 2 of project (erp_id)", "fields.erp_id"),
        (with_field(3, field_format="list"), "custom field 3 of project (legal_entity)", "format string"),
        (with_field(5, multiple=True), "custom field 5 of time_entry (approval)", "one value"),
        (with_field(5, field_format="string"), "custom field 5 of time_entry (approval)", "format list"),
        (with_field(4, id=44), "custom field 4 of project (currency)", "there is none"),
        (
            Told(USER, (ROLE,), None, frozenset({1, 2, 3}), None),
            "custom field 4 of project (currency)",
            "fields.currency",
        ),
    ],
)
def test_what_is_missing_says_what_to_change(told: Told, right: str, change: str) -> None:
    [(name, text)] = missing(told).items()
    assert name == right
    assert change in text


def test_a_user_without_a_role_lacks_everything() -> None:
    assert len(missing(Told(USER, (), None, None, None))) == 6


def test_what_cannot_be_checked_yet_is_said_so() -> None:
    told = Told(USER, (ROLE,), None, None, None)
    names = [right.name for right in rights_of(told, FIELDS, reads_changes=True)]
    assert sum("not checked" in name for name in names) == 5


async def test_identity_and_clock_are_told(redmine: StandIn, system: Redmine) -> None:
    redmine.answer("GET", "/custom_fields.json", web.Response(status=403))
    found = await system.inspect()
    assert found.identity == "user gateway, no administrator"
    assert found.clock == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert found.version is None


async def test_roles_are_read_once_each(redmine: StandIn, system: Redmine) -> None:
    role = {"id": 6, "name": "Gateway"}
    user = {"id": 5, "login": "gateway", "memberships": [{"roles": [role]}, {"roles": [role]}]}
    redmine.answer("GET", "/users/current.json", json_response({"user": user}))
    redmine.answer("GET", "/roles/6.json", json_response({"role": ROLE.model_dump()}))
    redmine.answer("GET", "/custom_fields.json", web.Response(status=403))
    found = await system.inspect()
    assert [right for right in found.rights if right.missing] == []


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/users/current.json", 401, "does not accept our key"),
        ("/users/current.json", 302, "redirect"),
        ("/custom_fields.json", 500, "custom fields could not be read: Redmine answered 500"),
        ("/projects.json", 500, "projects could not be read"),
    ],
)
async def test_what_does_not_answer_is_not_inspected(
    redmine: StandIn, system: Redmine, path: str, status: int, told: str
) -> None:
    for each in (path, "/custom_fields.json"):
        redmine.answer("GET", each, web.Response(status=status if each == path else 403))
    with pytest.raises(NotInspected, match=told):
        await system.inspect()
