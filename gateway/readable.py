"""Whether the policy file lets the changes of a system be read and published. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from gateway.changes_policy import ChangesPolicy
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import AnySystem, PolicyFile
from gateway.redmine_policy import RedminePolicy
from gateway.source_policy import Source
from gateway.tryton_policy import TrytonPolicy
from schemas.sequence import SequenceKind


def changes_of(entry: AnySystem) -> ChangesPolicy | None:
    """How the changes of a system are read; None if they are not."""
    match entry:
        case HttpSystemPolicy():
            return None
        case TrytonPolicy() | RedminePolicy():
            return entry.changes
        case _:
            assert_never(entry)


def read_systems(policy: PolicyFile) -> dict[str, ChangesPolicy]:
    """The systems whose changes are read."""
    found = {name: changes_of(entry) for name, entry in policy.systems.items()}
    return {name: changes for name, changes in found.items() if changes is not None}


def why_unreadable(policy: PolicyFile, name: str, user: str | None = None) -> list[str]:
    """What keeps the changes of a listed system from being read: each line names the place, and what to change.

    `user` is the AMQP user that would publish them; None where it is not known.
    """
    entry = policy.systems[name]
    changes = changes_of(entry)
    if isinstance(entry, HttpSystemPolicy):
        return [f"systems.{name} is of kind http, whose changes are not read: let it publish its events by itself"]
    if changes is None:
        return [f"systems.{name} has no `changes`: add it, with the `source` of its events"]
    source = policy.sources.get(changes.source)
    if source is None:
        types = ", ".join(changes.types)
        users = "the reader's AMQP user" if user is None else user
        place = f"systems.{name}.changes.source: {changes.source}"
        return [f"{place} is not under `sources`: add it there, with users [{users}] and types [{types}]"]
    return list(_forbidden(changes, source, user))


def _forbidden(changes: ChangesPolicy, source: Source, user: str | None) -> Iterator[str]:
    """What a source does not allow of what is published under it."""
    place = f"sources.{changes.source}"
    if user is not None and user not in source.users:
        yield f"{place}.users: {user} may not publish under it, but TALLYSTICK_AMQP_URL names that user: add {user}"
    for name in changes.types:
        if not source.may_send(name):
            yield f"{place}.types: what is read of the system is {name}, which it may not send: add {name}"
    if source.sequence is not SequenceKind.NONE:
        yield f"{place}.sequence: events that are read carry no number: write none, or leave it out"
