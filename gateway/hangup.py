"""SIGHUP: the policy file is read again, as by the API, and what is wrong with it goes into the log."""

from __future__ import annotations

import asyncio
from typing import Final

from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.policies import NeedsRestart, PolicyBook
from gateway.system_policy import PolicyInvalid

ACTOR: Final = "sighup"


class Hangup:
    """Call it from a signal handler; one reload runs at a time, and a signal meanwhile is another one after it."""

    def __init__(self, policies: PolicyBook) -> None:
        self._policies = policies
        self._again = False
        self._reloading: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        """Begin to reload."""
        self._again = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload(), name="sighup")

    async def _reload(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._policies.reload(actor=ACTOR, reason="the process was sent SIGHUP")
            except (PolicyInvalid, NeedsRestart, StoreUnavailable) as error:
                telemetry.policy_not_reloaded(str(error))
