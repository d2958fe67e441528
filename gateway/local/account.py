"""The operating system's account that private servers run under: never root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NOBODY: Final = 65534
"""User and group that own nothing, on Linux and in its containers."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who a server runs as. PostgreSQL refuses root, and RabbitMQ has no need of it."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether it is the account of this very process, so that nothing needs to change hands."""
        return self.uid == os.geteuid()

    def can_run(self, program: Path) -> bool:
        """Whether this account may reach and execute `program`: below a 0700 home it may not."""
        if self.is_ours:
            return os.access(program, os.X_OK)
        return self.can_reach(program.parent) and _is_open_to_all([program])

    def can_reach(self, folder: Path) -> bool:
        """Whether this account may enter `folder`."""
        if self.is_ours:
            return os.access(folder, os.X_OK)
        path = folder.resolve()
        return _is_open_to_all([path, *path.parents])

    def own(self, *paths: Path) -> None:
        """Give `paths` to this account, so that a server can use what we made for it."""
        if not self.is_ours:
            for path in paths:
                os.chown(path, self.uid, self.gid)


def unprivileged() -> Account:
    """Ourselves, or nobody when we are root."""
    return Account(NOBODY, NOBODY) if os.geteuid() == 0 else Account(os.geteuid(), os.getegid())


def _is_open_to_all(paths: Iterable[Path]) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in paths)
