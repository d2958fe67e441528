"""What actors said to each other by `self`, as the checker sees it: `self` is a system whose journal is the inbox.

Each actor that asks counts as a source of its own, because it alone asks for things in an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.self_system import SOURCE
from schemas.commands import SELF, Command
from tests.checker.content import content, raw
from tests.checker.effects import DONE
from tests.checker.evidence import Effect, Published
from tests.sim.world import World


def source_of(asked: Mapping[str, Command], source: str, id: str) -> str:
    """The source that a message counts for."""
    return f"{source} {asked[id].key}" if source == SOURCE and id in asked else source


def without_nulls(value: Any) -> Any:
    """JSON as an event carries it: a field that is null is left out."""
    match value:
        case dict():
            return {name: without_nulls(each) for name, each in value.items() if each is not None}
        case list():
            return [without_nulls(each) for each in value]
        case _:
            return value


def said_within(world: World) -> Iterator[Published]:
    """What was asked of `self`; what counts as done must have arrived."""
    done = {str(line.command_id) for line in world.tables.timeline if line.what == DONE}
    for id, command in world.asked.items():
        known = world.commands.get(id)
        if known is None or known.place is None:
            continue
        version, index = known.place
        data = without_nulls(orjson.loads(command.body))
        type_, key = f"{command.operation}.v1", f"{command.operation.partition('.')[0]}/{data['to']}"
        said = orjson.dumps({"type": type_, "subject": data["to"], "data": _present(data)})
        yield Published(
            source_of(world.asked, SOURCE, id), id, key, type_, content(said), raw(said), version * 1000 + index,
            is_confirmed=id in done,
        )  # fmt: skip


def arrived_within(world: World) -> Iterator[Effect]:
    """The journal of `self`: what it was asked for, by the reference that each message names as its cause."""
    by_reference = {command.reference: command for command in world.asked.values()}
    for row in world.tables.inbox.values():
        if row.message.source == SOURCE:
            command = by_reference[orjson.loads(row.message.body)["causationid"]]
            yield Effect(
                SELF, command.operation, str(command.key), command.reference, row.message.id, raw(command.body)
            )  # fmt: skip


def _present(value: object) -> object:
    """What is left when fields without a value are left out, as an event leaves them out."""
    match value:
        case dict():
            return {name: _present(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [_present(inner) for inner in value]
        case _:
            return value
