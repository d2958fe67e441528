"""The match report of an import, row by row."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest

from adapters.ports.bindings import Bound, External, Known
from gateway.bindings.held import legal_entities
from gateway.bindings.match import Match, Terms, counts, match
from gateway.bindings.rows import Numbered, Row
from schemas.keys import ActorKey

TERMS = Terms(systems={"erp", "new-erp", "psa", "crm"}, keepers={"US01": {"erp"}, "DE01": {"erp", "new-erp"}})
FIRM = ActorKey("customer", "C-1")
STATE = orjson.dumps({"records": [{"legal_entity": "US01", "system": "erp", "external_id": "9001", "line": None}]})
KNOWN = Known(
    [
        Bound(External("erp", "customer", "9001"), FIRM, STATE),
        Bound(External("crm", "customer", "A-7"), FIRM, STATE),
    ],
    {FIRM: STATE, ActorKey("customer", "C-2"): b"{}"},
)


def row(key: str = "C-1", system: str = "erp", external_id: str = "9001", legal_entity: str | None = "US01", *,
        entity: str = "customer", kind: str | None = None) -> Row:  # fmt: skip
    return Row(entity=entity, key=key, system=system, kind=kind, external_id=external_id, legal_entity=legal_entity)


def report(*rows: Row, known: Known = KNOWN, unknown_keys: bool = False) -> list[Match]:
    terms = Terms(TERMS.systems, TERMS.keepers, unknown_keys)
    return [each.match for each in match([Numbered(line, each) for line, each in enumerate(rows, 2)], known, terms)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (row(), Match.SAME),
        (row(legal_entity=None), Match.SAME),
        (row(system="crm", external_id="A-7", legal_entity=None), Match.SAME),
        (row(legal_entity="DE01"), Match.NEW),  # one record of the ERP for two legal entities
        (row(external_id="9002", legal_entity="DE01"), Match.NEW),  # and one for each
        (row("C-2", external_id="9005"), Match.NEW),
        (row("C-2"), Match.OTHER_KEY),
        (row(external_id="9002"), Match.OTHER_ID),
        (row(external_id="9002", legal_entity=None), Match.OTHER_ID),
        (row(system="crm", external_id="A-8", legal_entity=None), Match.OTHER_ID),
        (row("C-9", external_id="9009"), Match.KEY_UNKNOWN),
        (row(system="sap"), Match.SYSTEM_UNKNOWN),
        (row(legal_entity="FR01"), Match.LEGAL_ENTITY_UNKNOWN),
        (row("C-2", external_id="9005", legal_entity=None), Match.LEGAL_ENTITY_MISSING),
        (row("C-2", "crm", "A-8", "US01"), Match.LEGAL_ENTITY_WRONG),
        (row("C-2", "new-erp", "9005", "US01"), Match.LEGAL_ENTITY_WRONG),
        (row("C-2", "new-erp", "9005", "DE01"), Match.NEW),
        (row(entity="timesheet", key="T-1"), Match.NOT_IMPORTED),
        (row(kind="project"), Match.NOT_IMPORTED),
    ],
)
def test_a_row_is(asked: Row, found: Match) -> None:
    assert report(asked) == [found]


def test_keys_that_nobody_heard_of_can_be_allowed() -> None:
    assert report(row("C-9", external_id="9009"), unknown_keys=True) == [Match.NEW]


@pytest.mark.parametrize(
    "second",
    [row("C-2", external_id="9005"), row("C-3", external_id="9005"), row("C-2", external_id="9006")],
)
def test_the_second_of_two_rows_about_the_same_is_a_conflict(second: Row) -> None:
    assert report(row("C-2", external_id="9005"), second) == [Match.NEW, Match.TWICE]


def test_each_conflict_says_what_stands_in_the_way() -> None:
    [found] = match([Numbered(2, row("C-2"))], KNOWN, TERMS)
    assert found.detail == "9001 means customer/C-1"
    [found] = match([Numbered(2, row(external_id="9002"))], KNOWN, TERMS)
    assert found.detail == "customer/C-1 has id 9001 in erp"


def test_what_would_make_a_customer_twice_says_what_to_write_instead() -> None:
    rows = (row("C-2", "new-erp", "1", None), row("C-2", "new-erp", "1", "US01"), row("C-2", "crm", "1", "US01"))
    assert [each.detail for each in match([Numbered(*each) for each in enumerate(rows, 2)], KNOWN, TERMS)] == [
        "new-erp keeps customers by legal entity: say for which, of DE01",
        "new-erp keeps no customers of US01: say for which, of DE01",
        "crm keeps no customers of US01: leave the legal entity out",
    ]


def test_a_project_has_ids_in_erp_and_psa() -> None:
    state: Mapping[str, object] = {"legal_entity": "US01", "erp": "erp", "erp_id": "P9", "psa": None, "psa_id": None}
    key = ActorKey("project", "P-1")
    stored = orjson.dumps(state)
    known = Known([Bound(External("erp", "project", "P9"), key, stored)], {key: stored})
    asked = row("P-1", "erp", "P9", entity="project")
    assert report(asked, row("P-1", "psa", "77", entity="project"), known=known) == [Match.SAME, Match.NEW]
    assert report(row("P-1", "erp", "P8", entity="project"), known=known) == [Match.OTHER_ID]


def test_an_invoice_keeps_the_ids_of_its_drafts_and_has_the_one_that_stands() -> None:
    key = ActorKey("invoice", "INV-1")
    places = {"customer": "C-1", "erp": "erp", "books": None}
    issued = {"places": places, "issued": {"legal_entity": "DE01"}, "external_id": "999", "twins": ["998"]}
    stored = orjson.dumps(issued)
    ids = ("4711", "999", "998")
    known = Known([Bound(External("erp", "invoice", each), key, stored) for each in ids], {key: stored})
    rows = [row("INV-1", "erp", each, entity="invoice", legal_entity=None) for each in (*ids, "1000")]
    for asked, found in zip(rows, (Match.NEW, Match.SAME, Match.SAME, Match.NEW), strict=True):
        assert report(asked, known=known) == [found]
    assert legal_entities(key, stored, "erp", "999") == ("DE01",)
    assert report(row("INV-2", "erp", "999", entity="invoice"), known=known) == [Match.OTHER_KEY]


def test_kinds_are_counted() -> None:
    moved = row("C-2", "crm", "A-7", None)
    rows = [Numbered(line, each) for line, each in enumerate((row(), moved, row("C-9", external_id="1")), 2)]
    assert counts(match(rows, KNOWN, TERMS)) == {"same": 1, "other_key": 1, "key_unknown": 1}


def test_what_a_state_of_version_1_has_is_known_for_its_legal_entity() -> None:
    state = orjson.dumps({"erp_ids": {"US01": "9001"}})
    known = Known([Bound(External("erp", "customer", "9001"), FIRM, state)], {FIRM: state})
    assert report(row(), known=known) == [Match.SAME]
    assert report(row(legal_entity="DE01"), known=known) == [Match.NEW]
    assert report(row(external_id="9002"), known=known) == [Match.OTHER_ID]
    assert legal_entities(FIRM, state, "erp", "9001") == ("US01",)


def test_a_project_of_version_1_belongs_to_its_legal_entity() -> None:
    state = orjson.dumps({"legal_entity": "US01", "erp_id": "PRJ-1", "psa_id": None})
    assert legal_entities(ActorKey("project", "P-1"), state, "erp", "PRJ-1") == ("US01",)
