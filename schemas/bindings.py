"""The binding of another system's id to a key of ours: the state of an external key."""

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


class Unbound(BaseModel):
    """The state of an external key that means nothing of ours yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")
