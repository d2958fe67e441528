"""Where to look while the demo stays up."""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.demo.people import FINANCE, as_typed
from gateway.demo.stage import Stage


def places(stage: Stage) -> str:
    """Addresses and commands, ready to be copied; they work until the demo ends."""
    gateway = stage.gateway
    return "\n".join(
        (
            "",
            "It stays up until Ctrl-C. Look at:",
            f"  ready?     curl '{gateway.ops_url}/readyz?verbose'",
            f"  metrics    curl {gateway.ops_url}/metrics",
            f"  status     curl -H 'Authorization: Bearer {gateway.token}' {gateway.api_url}/v1/status",
            f"  lanes      curl -H 'Authorization: Bearer {gateway.token}' {gateway.api_url}/v1/lanes",
            f"  cases      {as_typed(gateway, FINANCE)} tallystick case list",
            *(f"  {name:<10} curl {url}/journal" for name, url in stage.systems.urls.items()),
            f"  RabbitMQ   {stage.broker.address}",
            f"  PostgreSQL {_without_password(gateway.database_url)}",
            f"  log        tail -f {stage.log}",
        )
    )


def _without_password(url: str) -> str:
    """A server that was found may have one, and a terminal is read by others."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
