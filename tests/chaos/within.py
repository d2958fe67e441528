"""What actors asked of each other by `self` on real servers, for the checker: the inbox is that system's journal.

Each actor that asks counts as a source of its own, because it alone asks for things in an order. What was said is known
from the message alone, for the bodies of settled commands are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from gateway.self_system import SOURCE
from schemas.commands import SELF
from tests.checker.content import content, raw
from tests.checker.evidence import Command, Effect, Published

Row = Mapping[str, Any]
"""A row of the inbox: source, event_id, and body."""


def source_of(commands: Mapping[str, Command], source: str, id: str) -> str:
    """The source that a message counts for."""
    return f"{source} {commands[id].step.key}" if source == SOURCE and id in commands else source


def said_within(inbox: Iterable[Row], commands: Mapping[str, Command], done: Container[str]) -> Iterator[Published]:
    """What was asked of `self` by a command that is known; one that counts as done must have arrived."""
    for row in inbox:
        command = commands.get(row["event_id"])
        if row["source"] == SOURCE and command is not None:
            version, index = command.place or (0, 0)
            event = json.loads(row["body"])
            key = f"{event['type'].partition('.')[0]}/{event['subject']}"
            yield Published(
                source_of(commands, SOURCE, command.id), command.id, key, event["type"], content(row["body"]),
                raw(row["body"]), version * 1000 + index, is_confirmed=command.id in done,
            )  # fmt: skip


def arrived_within(inbox: Iterable[Row]) -> Iterator[Effect]:
    """The journal of `self`, by the reference that each message names as its cause."""
    for row in inbox:
        if row["source"] == SOURCE:
            event = json.loads(row["body"])
            operation, reference = event["type"].rpartition(".")[0], event["causationid"]
            entity, id, *_ = reference.split("/")
            asks = f"{entity}/{unquote(id)}"
            yield Effect(SELF, operation, asks, reference, row["event_id"], raw(json.dumps(event["data"]).encode()))
