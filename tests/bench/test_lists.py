"""The bench asks for every list of the API, and for each of its filters."""

from __future__ import annotations

from urllib.parse import parse_qsl

from bench.lists import LISTS, NO_LISTS
from gateway.http.description.shapes import GET, SHAPES


def test_no_route_is_forgotten() -> None:
    routes = {path for method, path in SHAPES if method == GET}
    assert routes == LISTS.keys() | NO_LISTS
    assert not LISTS.keys() & NO_LISTS


def test_every_page_is_a_list() -> None:
    assert {path for (_, path), shape in SHAPES.items() if shape.is_page} <= LISTS.keys()


def test_each_filter_of_a_list_is_asked_for() -> None:
    of_anything = {"limit", "cursor", "reveal"}
    for path, queries in LISTS.items():
        form = SHAPES[GET, path].query
        known = {field.alias or name for name, field in form.model_fields.items()} - of_anything
        asked = {name for query in queries for name, _ in parse_qsl(query)}
        assert known <= asked, path


def test_a_list_that_has_a_page_behind_is_asked_for_it() -> None:
    shown_whole = {"/v1/systems", "/v1/lanes/{entity}/{key}", "/v1/entities/{entity}/{key}"}
    for path in LISTS.keys() - shown_whole:
        assert any("cursor=" in query for query in LISTS[path]), path
