"""Reading policy files while the process runs: in a thread, for a long one takes a second that nobody can wait for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.policy_file import PolicyFile, parse_policy, read_policy
from gateway.system_policy import PolicyInvalid


class PolicyTexts(Protocol):
    """Where policies are read from. Both verbs raise `PolicyInvalid`."""

    async def read(self) -> PolicyFile:
        """The file of this process, as it stands now."""
        ...

    async def parse(self, text: str, name: str) -> PolicyFile:
        """A text that was kept; `name` stands before its mistakes."""
        ...


@dataclass(frozen=True, slots=True)
class PolicyDisk:
    """The file at `path`; None: this process has none that it could read again."""

    path: Path | None

    async def read(self) -> PolicyFile:
        if self.path is None:
            raise PolicyInvalid("this process was started without a policy file")
        return await asyncio.to_thread(read_policy, self.path)

    async def parse(self, text: str, name: str) -> PolicyFile:
        return await asyncio.to_thread(parse_policy, text, name)
