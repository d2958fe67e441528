"""Errors without an answer: which of them prove that no byte was sent."""

from __future__ import annotations

import socket
import ssl
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from adapters.http.transport import outcome_of_error
from schemas.commands import Deferred, Unknown

KEY = cast("ConnectionKey", SimpleNamespace(host="erp.example.test", port=443, is_ssl=True, ssl=True))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "unknown name")), "dns_failed"),
        (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "refused")), "connect_failed"),
        (aiohttp.ClientConnectorError(KEY, OSError(101, "no route")), "connect_failed"),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "bad record")), "tls_failed"),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError("expired")), "tls_failed"),
        (aiohttp.ConnectionTimeoutError("to host"), "connect_timeout"),
    ],
)
def test_without_a_connection_nothing_was_sent(error: Exception, code: str) -> None:
    outcome = outcome_of_error(error)
    assert isinstance(outcome, Deferred)
    assert outcome.failure.code == code
    assert "erp.example.test" not in outcome.failure.reason


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError(), "timeout"),
        (aiohttp.SocketTimeoutError("reading"), "timeout"),
        (aiohttp.ServerDisconnectedError(), "connection_lost"),
        (aiohttp.ClientOSError(104, "reset"), "connection_lost"),
        (aiohttp.ClientPayloadError("incomplete"), "connection_lost"),
        (aiohttp.ClientConnectionResetError("closing"), "connection_lost"),
        (ConnectionResetError(104, "reset"), "connection_lost"),
    ],
)
def test_after_a_connection_nothing_is_known(error: Exception, code: str) -> None:
    outcome = outcome_of_error(error)
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == code
