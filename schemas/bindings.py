"""What a key means: of an external key the key of ours, of an entity that was merged the one that took its place."""

from __future__ import annotations

from typing import TypeGuard

from pydantic import BaseModel, ConfigDict

from schemas.keys import ActorKey


class Binding(BaseModel):
    """What an external key means from now on. Committed with the result that made it, never rolled back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: str
    id: str

    @property
    def key(self) -> ActorKey:
        """The key of ours."""
        return ActorKey(self.entity, self.id)


def is_binding(state: object) -> TypeGuard[Binding]:
    """Whether a state is a binding. Asked for each message: `isinstance` would ask pydantic's metaclass each time."""
    return type(state) is Binding


class Mergeable(BaseModel):
    """The state of an entity that may turn out to be another of its kind, and then stands for that one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    merged_into: str | None = None
    """Id of the one that took its place; what refers to this key means that one from then on."""


def is_mergeable(state: object) -> TypeGuard[Mergeable]:
    """Whether a state may stand for another. Asked for each reference: `isinstance` would ask pydantic's metaclass."""
    return Mergeable in type(state).__mro__


def leads_to(key: ActorKey, state: object) -> ActorKey | None:
    """What whoever names `key` means instead, one step on; None: `key` itself."""
    if is_binding(state):
        return state.key
    if is_mergeable(state) and state.merged_into is not None:
        return ActorKey(key.entity, state.merged_into)
    return None


class Unbound(BaseModel):
    """The state of an external key that means nothing of ours yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")
