"""Keeping our token and the request's content out of the failures that a system's answer gives us."""

from __future__ import annotations

import re
from typing import Final

from schemas.verdicts import Failure

SHARED_RUN: Final = 40
"""Letters and digits; a text that has so many in a row in common with the request repeats it."""

TEXT_CAP: Final = 500
"""Characters of an explanation that are kept."""

_SEPARATORS: Final = re.compile(r"[\W_]+")


def without_secrets(failure: Failure, *, token: str, body: bytes) -> Failure:
    """The failure without those of its texts that repeat the token or the request's body; each on one line, capped."""
    request = _SEPARATORS.sub("", body.decode(errors="replace"))
    reason = _kept(failure.reason, token, request)
    return Failure(
        failure_class=failure.failure_class,
        code=_kept(failure.code, token, request) or "withheld",
        reason=reason or "The system's explanation repeats the request and is withheld.",
        field=None if failure.field is None else _kept(failure.field, token, request),
    )


def _kept(text: str, token: str, request: str) -> str | None:
    if token in text:
        return None
    line = " ".join(text[:TEXT_CAP].split())
    return None if _repeats(line, request) else "".join(char if char.isprintable() else "?" for char in line)


def _repeats(text: str, request: str) -> bool:
    """Whether the text has a long run of the request in it, however it was quoted, escaped, or spaced."""
    bare = _SEPARATORS.sub("", text)
    if len(request) < SHARED_RUN:
        return request != "" and request in bare
    return any(bare[at : at + SHARED_RUN] in request for at in range(len(bare) - SHARED_RUN + 1))
