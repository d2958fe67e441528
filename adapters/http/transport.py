"""What it means for a command that no complete answer came."""

from __future__ import annotations

from typing import Final

import aiohttp

from schemas.commands import Deferred, Unknown
from schemas.verdicts import Failure, FailureClass

NO_ANSWER: Final = (aiohttp.ClientError, TimeoutError, OSError)
"""All that aiohttp raises when it cannot bring back a complete answer."""


def outcome_of_error(error: Exception) -> Deferred | Unknown:
    """Deferred only if no connection came about, so that no byte of the request can have left; else Unknown.

    The error's own text is not used: it may name hosts and addresses.
    """
    match error:
        case aiohttp.ClientConnectorDNSError():
            return _not_sent("dns_failed", "The system's host name could not be resolved; nothing was sent.")
        case aiohttp.ClientSSLError():
            return _not_sent("tls_failed", "The system's TLS certificate or handshake failed; nothing was sent.")
        case aiohttp.ClientConnectorError():
            return _not_sent("connect_failed", "The system took no connection; nothing was sent.")
        case aiohttp.ConnectionTimeoutError():
            return _not_sent("connect_timeout", "The system took no connection in time; nothing was sent.")
        case TimeoutError():
            return Unknown(Failure(FailureClass.TIMEOUT, "timeout", "The system did not answer in time."))
        case _:
            reason = "The connection ended before the system's answer was complete."
            return Unknown(Failure(FailureClass.UNAVAILABLE, "connection_lost", reason))


def _not_sent(code: str, reason: str) -> Deferred:
    return Deferred(Failure(FailureClass.UNAVAILABLE, code, reason), None)
