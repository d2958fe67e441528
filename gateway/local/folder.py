"""The temporary folder that holds all a private server writes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gateway.local.account import Account
from gateway.local.errors import ServerFailed


def make_folder(name: str, account: Account) -> Path:
    """A new folder that belongs to `account` and that nobody else may read.

    Raises `ServerFailed` where the account may not enter the system's folder for temporary files.
    """
    base = Path(tempfile.gettempdir())
    if not account.can_reach(base):
        raise ServerFailed(
            f"{base} cannot be entered by user {account.uid}, under whom servers run when we are root: "
            "set TMPDIR to a folder that everybody may enter, such as /tmp."
        )
    folder = Path(tempfile.mkdtemp(prefix=f"tallystick-{name}-", dir=base))
    account.own(folder)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove what is left of it; a second time does nothing."""
    shutil.rmtree(folder, ignore_errors=True)
