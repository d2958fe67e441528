"""Our project as Redmine writes it; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final
from unicodedata import normalize

import orjson

from adapters.redmine.records import Project
from adapters.redmine.settings import RedmineFields
from schemas.operations.project import ProjectPut

TIME_TRACKING: Final = "time_tracking"
"""The module of a project without which no time can be written on it."""

WIKI: Final = "wiki"
"""The module of a project that has pages, on which its invoices are shown."""

IDENTIFIER_CAP: Final = 100
"""Characters (`Project::IDENTIFIER_MAX_LENGTH` in Redmine 5.0)."""

_HASH_DIGITS: Final = 12
_IDENTIFIER: Final = re.compile(r"(?![0-9]+\Z)[a-z0-9_-]{1,100}")
_TAKEN_BY_ROUTES: Final = frozenset({"new", "autocomplete"})
"""Redmine refuses `new`; under `/projects/autocomplete` it answers something else than a project."""


def identifier(project_id: str) -> str:
    """The name of the project in Redmine's addresses: lower-case letters, digits, `-`, and `_`, and not digits alone.

    Our id in lower case where that is one, otherwise what is readable of it and a part of its digest.
    """
    lowered = project_id.lower()
    if _IDENTIFIER.fullmatch(lowered) and lowered not in _TAKEN_BY_ROUTES:
        return lowered
    return f"{slug(lowered) or 'p'}-{hashlib.sha256(project_id.encode()).hexdigest()[:_HASH_DIGITS]}"


def slug(id: str) -> str:
    """What is readable of an id in lower-case letters, digits, `-`, and `_`; perhaps nothing."""
    readable = normalize("NFKD", id.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", readable).strip("-")[: IDENTIFIER_CAP - _HASH_DIGITS - 1].rstrip("-")


def new_project(put: ProjectPut, fields: RedmineFields, modules: Sequence[str]) -> bytes:
    """The body of `POST /projects.json`. Whether the project is public is left to Redmine's own setting."""
    project = {
        "name": put.name,
        "identifier": identifier(put.project_id),
        "enabled_module_names": list(modules),
        "custom_field_values": _custom_fields(put, fields),
    }
    return orjson.dumps({"project": project})


def changes(project: Project, put: ProjectPut, fields: RedmineFields, modules: Sequence[str]) -> bytes | None:
    """The body of a PUT that brings the project to the state that is asked for; None where it is in that state.

    `modules` are those that it needs; those that others switched on stay on. Only what differs is named, and the
    identifier cannot be changed.
    """
    differs: dict[str, object] = {}
    if project.name != put.name:
        differs["name"] = put.name
    missing = [module for module in modules if module not in project.modules]
    if missing:
        differs["enabled_module_names"] = [*project.modules, *missing]
    values = {
        number: value for number, value in _custom_fields(put, fields).items() if project.text(int(number)) != value
    }
    if values:
        differs["custom_field_values"] = values
    return orjson.dumps({"project": differs}) if differs else None


def _custom_fields(put: ProjectPut, fields: RedmineFields) -> Mapping[str, str]:
    return {
        str(fields.project_id): put.project_id,
        str(fields.erp_id): put.erp_id or "",
        str(fields.legal_entity): put.legal_entity,
        str(fields.currency): put.currency,
    }
