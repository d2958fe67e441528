"""The policy file of the demo: the firm's, with the sandboxes that were started and the users that publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import yaml

from gateway.demo.telling.sending import Sender

RETRY_SECONDS: Final = 1
BREAKER: Final = {"failures": 5, "open_seconds": 1, "longest_seconds": 4}
"""Both shorter than one would have them, so that nobody waits for the end of the demo's outage."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a system is, and its bearer token."""

    url: str
    token: str


def firm_policy() -> str:
    """The policy file of the firm, as `examples/firm` has it."""
    return files("gateway.demo").joinpath("policy.yaml").read_text(encoding="utf-8")


def demo_policy(policy: str, endpoints: Mapping[str, Endpoint], users: Mapping[Sender, str]) -> str:
    """The policy as YAML, with the endpoints of its systems and the AMQP user of each source replaced."""
    document: Any = yaml.safe_load(policy)
    for name, endpoint in endpoints.items():
        document["systems"][name].update(url=endpoint.url, token=endpoint.token)
    for system in document["systems"].values():
        system["gate"] = {"breaker": BREAKER}
    for sender, user in users.items():
        document["sources"][sender.source]["users"] = [user]
    document["retries"] = {"default": {"first_seconds": RETRY_SECONDS}}
    return yaml.safe_dump(document, sort_keys=False)
