"""The match report: what each row of an import meets in what is known. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.ports.bindings import Bound, External, Known
from gateway.bindings.held import Held, held
from gateway.bindings.rows import Numbered, Row
from schemas.keys import ActorKey

IMPORTED: Final = ("customer", "project", "invoice")
"""Entities whose ids can be imported: their actors take `<entity>.bound`."""


class Match(StrEnum):
    """What a row is."""

    SAME = "same"
    """It is known already."""
    NEW = "new"
    """It is imported."""
    OTHER_KEY = "other_key"
    """The external id means another key."""
    OTHER_ID = "other_id"
    """The key has another id in that system."""
    KEY_UNKNOWN = "key_unknown"
    """Nothing was ever heard of the key."""
    SYSTEM_UNKNOWN = "system_unknown"
    LEGAL_ENTITY_UNKNOWN = "legal_entity_unknown"
    LEGAL_ENTITY_MISSING = "legal_entity_missing"
    """The system keeps customers by legal entity: without one its record would be made a second time."""
    LEGAL_ENTITY_WRONG = "legal_entity_wrong"
    """The system keeps no customers of that legal entity: its id would be taken for that of the one which does."""
    NOT_IMPORTED = "not_imported"
    """Ids of this entity or kind cannot be imported."""
    TWICE = "twice"
    """Another row of the file says the same, or something else of the same."""

    @property
    def is_conflict(self) -> bool:
        """Whether the row is left out, and a person must look at it."""
        return self not in (Match.SAME, Match.NEW)


@dataclass(frozen=True, slots=True)
class Matched:
    """A row and what it is; `detail` says so in plain words, and what to do."""

    line: int
    row: Row
    match: Match
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an import may name.

    `keepers`: legal entity -> the systems that keep its customers. `unknown_keys`: whether keys that nothing was heard
    of yet are imported all the same.
    """

    systems: Collection[str]
    keepers: Mapping[str, Collection[str]]
    unknown_keys: bool = False


def match(rows: Sequence[Numbered], known: Known, terms: Terms) -> list[Matched]:
    """The report, row by row. `known` is what is known of all ids and keys that the rows name."""
    return _Report(rows, known, terms).matched()


def counts(report: Sequence[Matched]) -> dict[str, int]:
    """How many rows of each kind there are, those that there are none of left out."""
    found = Counter(each.match for each in report)
    return {kind.value: found[kind] for kind in Match if found[kind]}


class _Report:
    def __init__(self, rows: Sequence[Numbered], known: Known, terms: Terms) -> None:
        self._rows = rows
        self._terms = terms
        self._means: Mapping[External, Bound] = {bound.external: bound for bound in known.bound}
        self._of: dict[ActorKey, list[Bound]] = {}
        for bound in known.bound:
            self._of.setdefault(bound.key, []).append(bound)
        self._states = known.states
        self._keys: dict[External, tuple[int, ActorKey]] = {}
        self._ids: dict[tuple[ActorKey, str, str, str | None], tuple[int, str]] = {}

    def matched(self) -> list[Matched]:
        return [Matched(each.line, each.row, *self._match(each)) for each in self._rows]

    def _match(self, each: Numbered) -> tuple[Match, str]:
        row = each.row
        return (
            self._not_nameable(row) or self._in_file(each) or self._means_another(row) or self._has_another(row)
            or self._misplaced(row) or self._is_known(row)
        )  # fmt: skip

    def _not_nameable(self, row: Row) -> tuple[Match, str] | None:
        if row.entity not in IMPORTED:
            return Match.NOT_IMPORTED, f"ids of {row.entity} cannot be imported: only of {', '.join(IMPORTED)}"
        if row.external.kind != row.entity:
            return Match.NOT_IMPORTED, f"a {row.external.kind} of a system is no {row.entity}: leave kind out"
        if row.system not in self._terms.systems:
            return Match.SYSTEM_UNKNOWN, f"{row.system} is not in the policy file: add it, or correct the name"
        if row.legal_entity is not None and row.legal_entity not in self._terms.keepers:
            return Match.LEGAL_ENTITY_UNKNOWN, f"{row.legal_entity} is not in the policy file: add it, or correct it"
        return None

    def _misplaced(self, row: Row) -> tuple[Match, str] | None:
        """A customer's id is one legal entity's where commands about it go to that system, and nobody's elsewhere."""
        if row.entity != "customer" or any(
            (each.system, each.id) == (row.system, row.external_id) and row.legal_entity in (None, each.legal_entity)
            for each in self._held(row)
        ):
            return None
        kept = [code for code, systems in self._terms.keepers.items() if row.system in systems]
        if row.legal_entity is None and kept:
            what = f"{row.system} keeps customers by legal entity: say for which, of {', '.join(kept)}"
            return Match.LEGAL_ENTITY_MISSING, what
        if row.legal_entity is None or row.legal_entity in kept:
            return None
        change = f"say for which, of {', '.join(kept)}" if kept else "leave the legal entity out"
        return Match.LEGAL_ENTITY_WRONG, f"{row.system} keeps no customers of {row.legal_entity}: {change}"

    def _in_file(self, each: Numbered) -> tuple[Match, str] | None:
        row = each.row
        line, key = self._keys.setdefault(row.external, (each.line, row.ours))
        if key != row.ours:
            return Match.TWICE, f"line {line} gives {row.external_id} to {key}: an id means one key"
        place = (row.ours, row.system, row.external.kind, row.legal_entity)
        line, id_ = self._ids.setdefault(place, (each.line, row.external_id))
        if line == each.line:
            return None
        return Match.TWICE, f"line {line} says the same" if id_ == row.external_id else f"line {line} gives it id {id_}"

    def _means_another(self, row: Row) -> tuple[Match, str] | None:
        bound = self._means.get(row.external)
        if bound is None or bound.key == row.ours:
            return None
        return Match.OTHER_KEY, f"{row.external_id} means {bound.key}"

    def _has_another(self, row: Row) -> tuple[Match, str] | None:
        if row.entity == "invoice":
            return None  # what a draft was known by, it is known by for ever: which one stands, its actor says
        for bound in self._of.get(row.ours, ()):
            system, kind, id_ = bound.external
            if (system, kind) != row.external[:2] or id_ == row.external_id:
                continue
            entities = [each.legal_entity for each in self._held(row) if (each.system, each.id) == (system, id_)]
            is_one = row.legal_entity is None or row.entity == "project"
            if is_one or not entities or row.legal_entity in entities:
                return Match.OTHER_ID, f"{row.ours} has id {id_} in {system}"
        return None

    def _is_known(self, row: Row) -> tuple[Match, str]:
        if row.external in self._means and self._says(row):
            return Match.SAME, ""
        if row.ours not in self._states and not self._terms.unknown_keys:
            return Match.KEY_UNKNOWN, f"nothing was heard of {row.ours} yet: correct it, or allow unknown keys"
        return Match.NEW, ""

    def _says(self, row: Row) -> bool:
        """Whether the key itself has the id."""
        if row.entity == "invoice":
            return any((each.system, each.id) == (row.system, row.external_id) for each in self._held(row))
        says = Held(row.system, row.external_id, row.legal_entity)
        return row.legal_entity is None or row.entity == "project" or says in self._held(row)

    def _held(self, row: Row) -> tuple[Held, ...]:
        return held(row.ours, self._states.get(row.ours), row.system)
