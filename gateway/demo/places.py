"""Where to look while the demo stays up."""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.memory.broker import MemoryBroker
from gateway.demo.stage import Stage


def places(stage: Stage) -> str:
    """Addresses and commands, ready to be copied; they work until the demo ends."""
    gateway, place = stage.gateway, stage.broker.place
    if isinstance(place, MemoryBroker):
        broker = "inside this process, nothing to look at"
    else:
        address = urlsplit(place)
        broker = f"{address.hostname}:{address.port or 5672}"
    return "\n".join(
        (
            "",
            "It stays up until Ctrl-C. Look at:",
            f"  ready?     curl {gateway.ops_url}/readyz?verbose",
            f"  metrics    curl {gateway.ops_url}/metrics",
            f"  status     curl -H 'Authorization: Bearer {gateway.token}' {gateway.api_url}/v1/status",
            f"  lanes      curl -H 'Authorization: Bearer {gateway.token}' {gateway.api_url}/v1/lanes",
            *(f"  {name:<10} curl {url}/journal" for name, url in stage.systems.urls.items()),
            f"  RabbitMQ   {broker}",
            f"  PostgreSQL {gateway.database_url}",
            f"  log        tail -f {stage.log}",
        )
    )
