"""Where the live systems are kept, and the names of what is built once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.local.account import Account
from gateway.local.errors import ServerFailed

FOLDER: Final = "TALLYSTICK_LIVE_FOLDER"
ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent


def live_folder(environment: Mapping[str, str], account: Account) -> Path:
    """`.live` beside the lock files, or the folder that the environment names; made if it is not there.

    Raises `ServerFailed` where `account`, under whom the servers run, may not enter it.
    """
    folder = Path(environment.get(FOLDER) or ROOT / ".live").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not account.can_reach(folder):
        raise ServerFailed(
            f"{folder} cannot be entered by user {account.uid}, under whom servers run when we are root: "
            f"set {FOLDER} to a folder that everybody may enter, such as /var/tmp/tallystick-live."
        )
    return folder


def fingerprint(*parts: Path | str) -> str:
    """A short digest of files, by their content, and of texts: another one means that what they made is out of date."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:12]
