"""A key set in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters.ports.signing_keys import MOST_BYTES, KeysUnavailable


class FileKeys:
    """Reads the file whenever it is asked, so that keys are replaced by replacing it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """The file. Raises `KeysUnavailable`."""
        try:
            content = await asyncio.to_thread(self._path.read_bytes)
        except OSError as error:
            raise KeysUnavailable(f"{self._path}: {error.strerror or error}") from error
        if len(content) > MOST_BYTES:
            raise KeysUnavailable(f"{self._path}: it has more than {MOST_BYTES} bytes, so it is no key set")
        return content

    async def close(self) -> None:
        """Nothing stays open."""
