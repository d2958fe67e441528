"""What Redmine is like, record by record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.ports.declarations import Ambiguity, ChangeReading, Declaration, Deletes, LimitShape, Precondition
from adapters.ports.system import Capability, Upsert
from adapters.redmine.settings import RedmineSettings

TRIED_AGAINST: Final = "Redmine 5.0.4 on SQLite, with puma"


def project_put(late_bound: float) -> Capability:
    """What is promised of `project.put`; `late_bound` in seconds.

    That an identifier is unique is checked by the application before it writes, with no index behind it: of two
    requests at once both may pass.
    """
    return Capability(
        Upsert.SEARCH_THEN_CREATE, key_window=None, unique_reference=False, look_up=True, late_bound=late_bound
    )


def project_withdraw(late_bound: float) -> Capability:
    """What is promised of `project.withdraw`, which goes by Redmine's own number: closing twice is closing once."""
    return Capability(
        Upsert.NATIVE_EXTERNAL_ID, key_window=None, unique_reference=True, look_up=True, late_bound=late_bound
    )


def receivable_put(late_bound: float) -> Capability:
    """What is promised of `receivable.put`, whose page is named after our id, and written by the version it replaces.

    That a name is there once is checked by the application alone, as it is of a project: two may pass that make it.
    """
    return Capability(
        Upsert.SEARCH_THEN_CREATE, key_window=None, unique_reference=False, look_up=True, late_bound=late_bound
    )


def promises(settings: RedmineSettings) -> dict[str, Capability]:
    """Operations that it takes -> what is promised of each."""
    table = {"project.put": project_put, "project.withdraw": project_withdraw, "receivable.put": receivable_put}
    return {name: promise(settings.late_bound) for name, promise in table.items() if name in settings.operations}


def declarations(promised: Mapping[str, Capability], *, reads_changes: bool) -> tuple[Declaration, ...]:
    """Projects and pages, which are written, and time entries where they are read."""
    project = Declaration(
        record="project",
        operations={name: promise for name, promise in promised.items() if name.startswith("project.")},
        look_up_by="custom field fields.project_id",
        ambiguous=Ambiguity.TWO_HITS,
        precondition=Precondition.NONE,
        partial_success=False,
        throttle=("429",),
        limit_shape=LimitShape.NONE,
        idempotency_key=None,
        changes=ChangeReading.NONE,
        deletes=Deletes.NOTHING,
        session="API key in each request, which does not expire",
        request_id="X-Request-Id",
        tried_against=TRIED_AGAINST,
    )
    time_entry = Declaration(
        record="time_entry",
        operations={},
        look_up_by=None,
        ambiguous=Ambiguity.NEVER,
        precondition=Precondition.NONE,
        partial_success=False,
        throttle=("429",),
        limit_shape=LimitShape.NONE,
        idempotency_key=None,
        changes=ChangeReading.WATERMARK,
        deletes=Deletes.NOTHING,
        session=project.session,
        request_id=project.request_id,
        tried_against=TRIED_AGAINST,
    )
    page = replace(
        project,
        record="wiki_page",
        operations={name: promise for name, promise in promised.items() if name == "receivable.put"},
        look_up_by="title",
        ambiguous=Ambiguity.NEVER,
        precondition=Precondition.VERSION,
    )
    written = tuple(each for each in (project, page) if each.operations)
    return (*written, time_entry) if reads_changes else written
