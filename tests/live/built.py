"""What takes minutes to make is made once, whole or not at all, and made again when what it is made of changes."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.local.account import Account
from gateway.local.process import run_program

_TAR_SECONDS: Final = 120.0


def built(folder: Path, kind: str, fingerprint: str, make: Callable[[Path], None]) -> Path:
    """`folder/kind-fingerprint`; where it is missing, `make` fills it, and others of its kind are removed.

    Two processes that miss it at once both make it, and one of the two results stays.
    """
    wanted = folder / f"{kind}-{fingerprint}"
    if wanted.exists():
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"making-{kind}-", dir=folder))
    try:
        making.chmod(0o755)
        make(making)
        _put(making, wanted)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    for other in folder.glob(f"{kind}-*"):
        if other != wanted:
            shutil.rmtree(other)
    return wanted


def tar(folder: Path, file: Path) -> None:
    """Pack `folder`, under its own name, into `file`, which everybody may read."""
    with tarfile.open(file, "w") as packed:
        packed.add(folder, folder.name)
    file.chmod(0o644)


def untar(file: Path, into: Path, account: Account) -> None:
    """Unpack what `tar` packed; all of it then belongs to `account`, who may write to `into`."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    argv = ["tar", "--extract", "--file", str(file)]
    run_program(argv, environment=environment, folder=into, account=account, seconds=_TAR_SECONDS)


def readable(file: Path, folder: Path) -> Path:
    """A copy of `file` in `folder` that the servers' account can read: a checkout may be out of its reach."""
    copy = folder / file.name
    shutil.copyfile(file, copy)
    copy.chmod(0o644)
    return copy


def _put(making: Path, wanted: Path) -> None:
    try:
        making.rename(wanted)
    except OSError:
        if not wanted.exists():  # else somebody was faster, with the same result
            raise
