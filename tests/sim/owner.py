"""Who a callback belongs to: a process of a simulation can be stopped between any two of its steps.

Nothing is cancelled and no `finally` runs, as when a real process is stopped or killed: its next step never comes, or
comes late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Final, TypeVarTuple

from tests.runtime.virtual import VirtualLoop

Ts = TypeVarTuple("Ts")
OWNER: Final[ContextVar[Owner | None]] = ContextVar("owner", default=None)
"""The process whose code runs; None for the world around: the servers, the sources, the tests."""


class _Step:
    """A callback that belongs to a process. Its handle may be cancelled while it is kept."""

    __slots__ = ("args", "callback", "handle", "owner")
    handle: asyncio.Handle

    def __init__(self, owner: Owner, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.owner = owner
        self.callback = callback
        self.args = args

    def __call__(self) -> None:
        self.owner.step(self)

    def take(self) -> None:
        """What the loop would have done."""
        if not self.handle.cancelled():
            self.callback(*self.args)


class Owner:
    """The steps of one process. `steps` counts them."""

    def __init__(self) -> None:
        self.is_still = False
        self.steps = 0
        self._fuse: tuple[int, Callable[[], None]] | None = None
        self._held: list[tuple[_Step, Context]] = []
        self._around = context_of(None)

    def at_step(self, ahead: int, act: Callable[[], None]) -> None:
        """Do something between two of its steps, so many steps from now."""
        self._fuse = (self.steps + ahead, act)

    def disarm(self) -> None:
        """Do nothing of the kind."""
        self._fuse = None

    def step(self, step: _Step) -> None:
        """Take a step, or keep it."""
        self.steps += 1
        if self._fuse is not None and self.steps >= self._fuse[0]:
            _, act = self._fuse
            self._fuse = None
            self._around.run(act)
        if self.is_still:
            self._held.append((step, copy_context()))
        else:
            step.take()

    def go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the steps that were kept, in their order."""
        self.is_still = False
        held, self._held = self._held, []
        for step, context in held:
            loop.call_soon(step.take, context=context)


class SimLoop(VirtualLoop):
    """Virtual time, and each callback under its owner."""

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is None:
            return super().call_soon(callback, *args, context=context)
        step = _Step(owner, callback, args)
        step.handle = super().call_soon(step, context=context)
        return step.handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is None:
            return super().call_at(when, callback, *args, context=context)
        step = _Step(owner, callback, args)
        handle = super().call_at(when, step, context=context)
        step.handle = handle
        return handle


def context_of(owner: Owner | None) -> Context:
    """A context in which everything belongs to `owner`."""
    context = copy_context()
    context.run(OWNER.set, owner)
    return context
