"""Which ids an entity's own state has, and for which legal entity. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from schemas.keys import ActorKey


class Held(NamedTuple):
    """An id of a system, for a legal entity."""

    system: str
    id: str
    legal_entity: str | None


def held(key: ActorKey, state: bytes | None, system: str) -> tuple[Held, ...]:
    """What the stored state of a key has; states are read as they were written, by whichever release.

    `system` is the one that is asked about; an id of version 1, whose state does not say where it is, counts as its.
    """
    if state is None:
        return ()
    document = orjson.loads(state)
    match key.entity:
        case "customer":
            return tuple(_of_customer(document, system))
        case "project":
            return tuple(_of_project(document, system))
        case "invoice":
            return tuple(_of_invoice(document, system))
        case _:
            return ()


def legal_entities(key: ActorKey, state: bytes | None, system: str, id: str) -> tuple[str | None, ...]:
    """For which legal entities a key has this id; None alone where its state does not say."""
    found = tuple(row.legal_entity for row in held(key, state, system) if (row.system, row.id) == (system, id))
    return found or (None,)


def _of_customer(state: dict[str, Any], asked: str) -> Iterator[Held]:
    for legal_entity, id_ in state.get("erp_ids", {}).items():
        yield Held(asked, id_, legal_entity)
    for row in state.get("records", ()):
        if row.get("external_id") is not None:
            yield Held(row["system"], row["external_id"], row["legal_entity"])


def _of_project(state: dict[str, Any], asked: str) -> Iterator[Held]:
    """A project belongs to one legal entity, in all systems."""
    pairs = [(state.get(role, asked), state.get(f"{role}_id")) for role in ("erp", "psa")]
    for system, id_ in (*pairs, *state.get("had", {}).items()):
        if system is not None and id_ is not None:
            yield Held(system, id_, state.get("legal_entity"))


def _of_invoice(state: dict[str, Any], asked: str) -> Iterator[Held]:
    """An invoice stands in the books of one ERP, where it may be more than once."""
    places, header = state.get("places") or {}, state.get("posted") or state.get("issued") or {}
    system = places.get("books") or places.get("erp") or asked
    for id_ in (state.get("external_id"), *state.get("twins", ())):
        if id_ is not None:
            yield Held(system, id_, header.get("legal_entity"))
