"""The live actors of one committer: which have work, in which order they get a turn, and which are let go."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.activation import Activation
from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is bounded.

    Keys of a batch, its messages and results, messages of a turn and of a mailbox, messages read of a lane at once and
    the bytes of their bodies, keys in line for a turn before nothing more is sent, and idle activations in memory, by
    count and by about how many bytes they take.
    """

    batch_keys: int = 256
    batch_messages: int = 1024
    fold: int = 256
    mailbox: int = 1024
    lane_page: int = 64
    lane_bytes: int = 128 * 1024
    line: int = 4000
    idle: int = 20_000
    idle_bytes: int = 40 * 1024 * 1024


class Activations:
    """Activations by key. Those with work stand in line once; idle ones are kept while there is room."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._active: dict[ActorKey, Activation] = {}
        self._idle: OrderedDict[ActorKey, Activation] = OrderedDict()
        self._idle_bytes = 0
        self._ready: deque[Activation] = deque()
        self._has_ready = asyncio.Event()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()
        self._is_short = asyncio.Event()
        self._is_short.set()

    def __len__(self) -> int:
        return len(self._active) + len(self._idle)

    def of(self, key: ActorKey) -> Activation:
        """The activation of `key`, awake; the caller gives it work and schedules it."""
        activation = self._active.get(key)
        if activation is None:
            activation = self._idle.pop(key, None)
            if activation is None:
                activation = Activation(key)
            else:
                self._idle_bytes -= activation.bytes
            self._active[key] = activation
        return activation

    def schedule(self, activation: Activation) -> None:
        """Stand in line for a turn, once."""
        if not activation.is_scheduled:
            activation.is_scheduled = True
            self._ready.append(activation)
            self._is_quiet.clear()
            self._has_ready.set()
            if len(self._ready) > self._bounds.line:
                self._is_short.clear()

    async def take(self) -> list[Activation]:
        """The activations of the next batch; waits for the first."""
        taken: list[Activation] = []
        while not taken:
            if not self._ready:
                self._is_quiet.set()
                self._has_ready.clear()
                await self._has_ready.wait()
            taken = self._take_ready()
        return taken

    def release(self, activation: Activation) -> None:
        """Its turn is over: back in line if it has work left, else to rest."""
        activation.is_scheduled = False
        if activation.has_work:
            self.schedule(activation)
            return
        del self._active[activation.key]
        self._idle[activation.key] = activation
        self._idle_bytes += activation.bytes
        while len(self._idle) > self._bounds.idle or self._idle_bytes > self._bounds.idle_bytes:
            _, passive = self._idle.popitem(last=False)
            self._idle_bytes -= passive.bytes

    def retake(self, activations: Iterable[Activation]) -> None:
        """The turns of these did not happen: back in line, to be loaded anew."""
        for activation in activations:
            if activation.is_scheduled:
                activation.forget()
                activation.has_more = True
                self.release(activation)

    @property
    def is_quiet(self) -> bool:
        """Whether no turn is running or wanted."""
        return self._is_quiet.is_set()

    async def quiet(self) -> None:
        """Wait until no turn is running or wanted."""
        await self._is_quiet.wait()

    async def caught_up(self) -> None:
        """Wait until few enough stand in line: results must not come faster than they are decided."""
        await self._is_short.wait()

    def _take_ready(self) -> list[Activation]:
        taken: list[Activation] = []
        messages = 0
        while self._ready and len(taken) < self._bounds.batch_keys and messages < self._bounds.batch_messages:
            activation = self._ready.popleft()
            activation.drop_dead()
            if not activation.has_work:
                self.release(activation)
                continue
            if activation.is_poked:
                activation.forget()
            activation.has_more = activation.is_poked = False
            messages += len(activation.answers) + min(len(activation.mailbox), self._bounds.fold)
            taken.append(activation)
        if len(self._ready) <= self._bounds.line:
            self._is_short.set()
        return taken
