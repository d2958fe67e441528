"""The table of routes with nothing behind it, for whoever only reads about them."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import cast, get_type_hints

from gateway.http.api import Operators, Route, routes
from gateway.http.description.json_schema import JsonSchema
from gateway.http.description.openapi import openapi
from gateway.http.description.shapes import SHAPES
from gateway.http.views import Views


def declared() -> tuple[Route, ...]:
    """The routes; methods of classes stand where those of objects would, so none of them can be called."""
    classes = SimpleNamespace(**get_type_hints(Operators))
    return routes(cast("Views", Views), cast("Operators", classes))


@cache
def document() -> JsonSchema:
    """The description of the API of this release."""
    return openapi(declared(), SHAPES)
