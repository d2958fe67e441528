"""When two names mean the same customer."""

from __future__ import annotations

import pytest

from actors.customers.names import ALIKE, LONGEST, compared, directory_of, likeness, nearest
from schemas.directory.entity import Entry
from schemas.keys import ActorKey


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Example Shipyard GmbH", "example shipyard"),
        ("EXAMPLE SHIPYARD GmbH & Co. KG", "example shipyard"),
        ("Müller Bau AG", "muller bau"),
        ("Straße e.V.", "strasse"),
        ("Olivetti S.p.A.", "olivetti"),
        ("The Harbour Company, Inc.", "harbour"),
        ("O’Neil's Pub Ltd", "oneils pub"),
        ("AG", "ag"),
        ("GmbH & Co. KG", "gmbh"),
        ("株式会社", "株式会社"),
        ("!!!", ""),
    ],
)
def test_what_is_compared_of_a_name(name: str, expected: str) -> None:
    assert compared(name) == expected


def test_a_name_that_grows_when_it_is_taken_apart_still_fits() -> None:
    assert len(compared("ﷺ" * 200)) <= LONGEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("example shipyard", "example shipyrad"),
        ("muller bau", "mueller bau"),
        ("shipyard example", "example shipyard"),
        ("northern lights energy", "northern light energy"),
    ],
)
def test_names_that_are_nearly_the_same(one: str, other: str) -> None:
    assert likeness(one, other) >= ALIKE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("customer 1001", "customer 1002"),
        ("plant a northern region", "plant b northern region"),
        ("alder foods", "alder papers"),
        ("stadtwerke bonn", "stadtwerke koln"),
    ],
)
def test_names_of_two_customers(one: str, other: str) -> None:
    assert likeness(one, other) < ALIKE


def test_a_directory_goes_by_country_and_first_letters() -> None:
    assert directory_of("DE", "example shipyard") == ActorKey("directory", "DE/exa")
    assert directory_of("DE", "a b cd") == ActorKey("directory", "DE/abc")
    assert directory_of("DE", "") is None


def test_the_nearest_come_first_and_those_told_apart_not_at_all() -> None:
    entries = {
        "C-1": Entry(name="example shipyard"),
        "C-2": Entry(name="example shipyards"),
        "C-3": Entry(name="example shipyard"),
        "C-4": Entry(name="example shipyard", distinct_from=("C-1",)),
        "C-5": Entry(name="harbour foods"),
        "C-6": Entry(name="example shipyard"),
    }
    found = nearest("C-1", "example shipyard", ("C-3",), entries)
    assert [(each.id, each.score) for each in found] == [("C-6", 100), ("C-2", 96)]
