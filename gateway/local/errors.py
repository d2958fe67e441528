"""What can go wrong with a private server."""

from __future__ import annotations


class ServerMissing(RuntimeError):
    """The server's programs are not on this machine; the message says how to get them."""


class ServerFailed(RuntimeError):
    """The programs are there, but the server did not come up or did not answer; the message ends with its log."""
