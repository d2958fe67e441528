"""Port to the public keys by which somebody else signs tokens, as a JSON Web Key Set (RFC 7517)."""

from __future__ import annotations

from typing import Protocol

MOST_BYTES = 256 * 1024
"""Of a key set that is taken."""


class KeysUnavailable(RuntimeError):
    """The key set cannot be had, and why; it does not repeat what was answered."""


class SigningKeys(Protocol):
    """Where the keys stand."""

    async def read(self) -> bytes:
        """The key set as it stands there now, JSON of up to `MOST_BYTES`. Raises `KeysUnavailable`."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
