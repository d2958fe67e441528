"""What a person is asked, as a digest: an act counts for what its author saw, not for what came in its place since."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from actors.decision import Ignore
from schemas.acts import Acted

DIGITS: Final = 16


def digest_of(*what: bytes) -> str:
    """The digest of what is asked. It is kept in the state, since a later release may write the same differently."""
    return sha256(b"\0".join(sha256(each).digest() for each in what)).hexdigest()[:DIGITS]


def not_seen(acted: Acted, asks: str | None) -> Ignore | None:
    """Why an act does nothing where its author saw something else than what is asked now; None: it counts.

    An act that says nothing of what was seen was written down by an earlier release, or on a case that it opened.
    """
    if acted.seen in (None, asks):
        return None
    return Ignore(
        f"{acted.topic} asks something else than when {acted.by} looked: read the case again, and decide on what it is "
        "now"
    )
