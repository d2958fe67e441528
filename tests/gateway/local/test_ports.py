"""Ports for private servers: free, and never given twice."""

from __future__ import annotations

import pytest

from gateway.local import ports
from gateway.local.errors import ServerFailed


def test_no_port_is_given_twice_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a single port to choose from
    monkeypatch.setattr(ports, "_RANGE", range(ports.free_port() + 1, 32_000, 12_000))
    # When it was given once
    ports.free_port()
    # Then it is not given again, although nobody listens on it yet
    with pytest.raises(ServerFailed, match="is free"):
        ports.free_port()
