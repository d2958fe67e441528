"""The policy file of the demo: the example's, with the sandboxes that were started and the users that publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import yaml

from gateway.demo.sending import Sender

RETRY_SECONDS: Final = 1
BREAKER: Final = {"failures": 5, "open_seconds": 1, "longest_seconds": 4}
"""Both shorter than one would have them, so that nobody waits for the end of the demo's outage."""

APPROVALS: Final = {
    "large_discount": {
        "role": "finance", "discount_above": 10, "amount_above": {"USD": 250_000, "EUR": 250_000, "GBP": 250_000},
    }
}  # fmt: skip
"""So that one deal of the day waits for a person; the example has such rules behind its marks."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a system is, and its bearer token."""

    url: str
    token: str


def example_policy() -> str:
    """The policy file that is shown to newcomers."""
    return files("gateway.demo").joinpath("policy.yaml").read_text(encoding="utf-8")


def demo_policy(example: str, endpoints: Mapping[str, Endpoint], users: Mapping[Sender, str]) -> str:
    """The example as YAML, with the endpoints of its systems and the AMQP user of each source replaced."""
    document: Any = yaml.safe_load(example)
    for name, endpoint in endpoints.items():
        system = document["systems"][name]
        system.pop("token_file", None)
        system.update(url=endpoint.url, token=endpoint.token)
    for system in document["systems"].values():
        system["gate"] = {"breaker": BREAKER}
    for sender, user in users.items():
        document["sources"][sender.source]["users"] = [user]
    document["approvals"] = APPROVALS
    document["retries"] = {"default": {"first_seconds": RETRY_SECONDS}}
    return yaml.safe_dump(document, sort_keys=False)
