"""Who a callback belongs to: a process of a simulation can be stopped between any two of its steps.

Nothing is cancelled and no `finally` runs, as when a real process is stopped or killed: its next step never comes, or
comes late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from typing import Final, TypeVarTuple

from tests.runtime.virtual import VirtualLoop

Ts = TypeVarTuple("Ts")
OWNER: Final[ContextVar[Owner | None]] = ContextVar("owner", default=None)
"""The process whose code runs; None for the world around: the servers, the sources, the tests."""
MANY_TIMERS: Final = 100
"""With more than so many, cancelled timers are thrown away once they are the half, as asyncio does it."""


class _Timer(asyncio.TimerHandle):
    """A handle with what the loop needs of it."""

    __slots__ = ()
    _scheduled: bool
    _when: float
    _context: Context


class _Step(_Timer):
    """A callback that belongs to a process; the loop hands it to its owner instead of calling it."""

    __slots__ = ("_owner",)

    def __init__(
        self, owner: Owner, when: float, callback: Callable[..., object], args: Sequence[object],
        loop: asyncio.AbstractEventLoop, context: Context,
    ) -> None:  # fmt: skip
        super().__init__(when, callback, args, loop, context)
        self._owner = owner

    def _run(self) -> None:
        self._owner.step(self)

    def take(self) -> None:
        """What the loop would have done. It may have been cancelled while it was kept."""
        if not self.cancelled():
            super()._run()


class Owner:
    """The steps of one process. `steps` counts them."""

    def __init__(self) -> None:
        self.is_still = False
        self.steps = 0
        self._fuse: tuple[int, Callable[[], None]] | None = None
        self._held: list[_Step] = []
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
            self._held.append(step)
        else:
            step.take()

    def go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the steps that were kept, in their order."""
        self.is_still = False
        held, self._held = self._held, []
        for step in held:
            # In a copy: the step enters the context itself.
            loop.call_soon(step.take, context=step._context.copy())


class SimLoop(VirtualLoop):
    """Virtual time, and each callback under its owner.

    Most of what a simulation does is calling back, so the way from a handle to its callback is made short here. The
    order is that of asyncio. There are no sockets, threads, or signals, so nobody is asked whether any has come.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[_Timer]
    _stopping: bool
    _timer_cancelled_count: int

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        context = copy_context() if context is None else context
        owner = context.get(OWNER)
        handle: asyncio.Handle
        if owner is None:
            handle = asyncio.Handle(callback, args, self, context)
        else:
            handle = _Step(owner, 0.0, callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        owner = context.get(OWNER)
        if owner is None:
            handle = _Timer(when, callback, args, self, context)
        else:
            handle = _Step(owner, when, callback, args, self, context)
        heappush(self._scheduled, handle)
        handle._scheduled = True
        return handle

    def _run_once(self) -> None:
        """A round: time passes if nobody is ready, and whoever is ready then takes one step."""
        self._forget_cancelled()
        scheduled, ready, patient = self._scheduled, self._ready, self._patient
        if ready or self._stopping:
            patient.let_pass(0.0)
        else:
            patient.let_pass(max(0.0, scheduled[0]._when - patient.now) if scheduled else None)
        while scheduled and scheduled[0]._when < patient.now:
            handle = heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            step = ready.popleft()
            if not step.cancelled():
                step._run()

    def _forget_cancelled(self) -> None:
        """As asyncio does it, at the same moments: the order of timers that ring at once hangs on it."""
        scheduled = self._scheduled
        if len(scheduled) > MANY_TIMERS and self._timer_cancelled_count > len(scheduled) / 2:
            for handle in scheduled:
                handle._scheduled = not handle.cancelled()
            self._scheduled = [handle for handle in scheduled if not handle.cancelled()]
            heapify(self._scheduled)
            self._timer_cancelled_count = 0
        else:
            while scheduled and scheduled[0].cancelled():
                self._timer_cancelled_count -= 1
                heappop(scheduled)._scheduled = False


def context_of(owner: Owner | None) -> Context:
    """A context in which everything belongs to `owner`."""
    context = copy_context()
    context.run(OWNER.set, owner)
    return context
