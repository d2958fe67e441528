"""A time entry of Redmine as a timesheet of one line, approved or withdrawn; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import orjson

from adapters.ports.changes import Change, Fact, Version
from adapters.redmine.records import Project, TimeEntry
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields

APPROVED: Final = "timesheet.approved.v1"
WITHDRAWN: Final = "timesheet.withdrawn.v1"
LINE: Final = "1"
"""The one line of each sheet; an entry is a day's hours of one person."""

_CENT: Final = Decimal("0.01")
_DIGEST_DIGITS: Final = 16


def tells(entry: TimeEntry, fields: RedmineFields, settings: RedmineFeedSettings) -> bool:
    """Whether the entry's state is published: it is approved, or an approval was withdrawn.

    An entry that never changed since the second in which it was made was never told before: what is read has settled
    for a second.
    """
    approval = entry.text(fields.approval)
    if approval == settings.approved:
        return True
    return approval == settings.withdrawn and entry.updated_on > entry.created_on


def is_ours(project: Project, fields: RedmineFields) -> bool:
    """Whether the gateway put the project there; time on others, such as holidays, is not billed by it."""
    return bool(project.text(fields.project_id))


def change_of(
    system: str, entry: TimeEntry, project: Project, login: str, fields: RedmineFields, settings: RedmineFeedSettings
) -> Change:
    """What is published of an entry. What is missing or odd is passed on as it is, so that the door refuses it.

    `login` is empty where it is not known; then the employee has no id, for a name is none.
    """
    stamp = _stamp(entry.updated_on)
    is_approved = entry.text(fields.approval) == settings.approved
    said = (
        _sheet(system, entry, project, login, fields, settings)
        if is_approved
        else _withdrawal(system, entry, project, fields)
    )
    data = orjson.dumps(said)
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_DIGITS]
    fact = Fact(
        APPROVED if is_approved else WITHDRAWN, subject=f"{system}-{entry.id}", time=entry.updated_on, data=data
    )
    return Change(Version(str(entry.id), f"{stamp}-{digest}"), (fact,))


def _sheet(
    system: str, entry: TimeEntry, project: Project, login: str, fields: RedmineFields, settings: RedmineFeedSettings
) -> Mapping[str, object]:
    """The data of `timesheet.approved.v1`. Redmine does not tell who approved, so the system itself stands there.

    The revision is the second of the change: it rises with each, and an older version that comes late is ignored.
    """
    day = entry.spent_on.isoformat()
    employee = {"id": login} if login else {}
    if entry.user and entry.user.name:
        employee["name"] = entry.user.name
    return {
        "legal_entity": project.text(fields.legal_entity),
        "currency": project.text(fields.currency),
        "employee": employee,
        "period": {"starts_on": day, "ends_on": day},
        "project": {"system": system, "external_id": str(entry.project.id)},
        "lines": [_line(entry, day, settings)],
        "revision": int(entry.updated_on.timestamp()),
        "approver": {"id": system},
        "approved_at": _stamp(entry.updated_on),
    }


def _withdrawal(system: str, entry: TimeEntry, project: Project, fields: RedmineFields) -> Mapping[str, object]:
    """The data of `timesheet.withdrawn.v1`."""
    return {
        "legal_entity": project.text(fields.legal_entity),
        "project": {"system": system, "external_id": str(entry.project.id)},
        "revision": int(entry.updated_on.timestamp()),
        "reason": f"the approval of the entry is {entry.text(fields.approval)}",
    }


def _line(entry: TimeEntry, day: str, settings: RedmineFeedSettings) -> Mapping[str, object]:
    activity = entry.activity.name if entry.activity else ""
    line: dict[str, object] = {
        "line_id": LINE,
        "work_date": day,
        "hours": _hours(entry.hours),
        "role": settings.roles.get(activity, activity),
        "billable": activity not in settings.not_billable,
    }
    note = (entry.comments or "").replace("\r\n", "\n")
    if note:
        line["note"] = note
    return line


def _hours(hours: Decimal) -> str:
    """Two decimals, or all that there are: nothing is rounded here."""
    exact = hours.quantize(_CENT)
    return format(exact if exact == hours else hours, "f")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
