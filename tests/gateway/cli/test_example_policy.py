"""The policy files for newcomers, of the examples and of the composition, fit the sandboxes and the shipped events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from uuid import UUID

import orjson
import pytest

from adapters.ports.system import Capability
from adapters.sandbox.operations import OPERATIONS, Role, operations_of
from gateway.cli.sandbox import CRM_PORT, ERP_PORT, PSA_PORT, TOKEN
from gateway.door import Door
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import PolicyFile, read_policy
from schemas.codec import STRUCTURED
from schemas.keys import EXTERNAL
from schemas.registry import EVENTS
from tests.gateway.cli.conftest import EXAMPLES, ROOT

POLICY = read_policy(EXAMPLES / "policy.yaml")
POLICIES = [
    pytest.param(POLICY, id="examples"),
    pytest.param(read_policy(ROOT / "docker" / "policy.yaml"), id="docker"),
]


@dataclass(frozen=True, slots=True)
class Handed:
    """A delivery as the broker would hand it over."""

    body: bytes
    queue: str
    routing_key: str
    user_id: str | None
    content_type: str | None = STRUCTURED
    is_live: bool = True
    delivery_count: int = 0

    @property
    def headers(self) -> Mapping[str, object]:
        return {}

    def ack(self) -> None:
        raise AssertionError("the door acks nothing")


def example(type_: str) -> bytes:
    return files("schemas").joinpath("examples", f"{type_}.json").read_bytes()


def named(data: Any, field: str) -> Iterator[str]:
    """What `field` is anywhere in an event's data."""
    if isinstance(data, dict):
        if field in data:
            yield data[field]
        for value in data.values():
            yield from named(value, field)
    elif isinstance(data, list):
        for value in data:
            yield from named(value, field)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("type_", EVENTS.offered_types)
def test_the_door_admits_every_example(type_: str, policy: PolicyFile) -> None:
    # Given an example event, published by any user that the policy lets send for its source
    event = orjson.loads(example(type_))
    entity = type_.partition(".")[0]
    door = Door(lambda: policy.sources, lambda: UUID(int=1))
    for user in policy.sources[event["source"]].users:
        # When it is delivered
        key, entry = door.admit(Handed(example(type_), f"tallystick.{entity}", type_.rpartition(".")[0], user))
        # Then it is admitted, for the entity that decides on it or for the PSA's id of a project
        assert key.entity in {EVENTS.find(type_).actor, EXTERNAL}
        assert key.id.endswith(event["subject"])
        assert entry.message.id == event["id"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("type_", EVENTS.types)
def test_the_policy_knows_what_the_examples_name(type_: str, policy: PolicyFile) -> None:
    data = orjson.loads(example(type_))["data"]
    codes = {*data.get("legal_entities", []), *named(data, "legal_entity")}
    assert codes <= set(policy.legal_entities)
    assert set(named(data, "service_line")) <= set(policy.service_lines)
    for profile in named(data, "tax_profile"):
        assert all(profile in policy.legal_entities[code].tax_codes for code in codes)


def test_senders_and_their_users() -> None:
    assert {name: source.users for name, source in POLICY.sources.items() if name.startswith("urn:")} == {
        "urn:example:crm": ("guest", "crm"),
        "urn:example:psa": ("guest", "psa"),
        "urn:example:finance": ("guest", "finance"),
        "urn:example:billing": ("guest", "billing"),
        "urn:example:erp": ("guest", "erp"),
        "urn:example:clock": ("guest", "clock"),
    }
    assert {code: entity.currency for code, entity in POLICY.legal_entities.items()} == {
        "US01": "USD",
        "DE01": "EUR",
        "UK01": "GBP",
    }
    for entity in POLICY.legal_entities.values():
        assert {"standard", "reverse_charge", "exempt"} <= set(entity.tax_codes)


@pytest.mark.parametrize("role", Role)
def test_systems_promise_what_the_sandboxes_keep(role: Role) -> None:
    system = POLICY.systems[role]
    assert isinstance(system, HttpSystemPolicy)
    stated = {
        name: (
            row.path,
            Capability(row.upsert, row.key_window_seconds, row.unique_reference, row.look_up, row.late_bound_seconds),
        )
        for name, row in system.operations.items()
    }
    assert stated == {each.name: (each.path, each.capability) for each in operations_of(role)}


def test_systems_are_where_the_sandboxes_listen() -> None:
    ports = {Role.CRM: CRM_PORT, Role.PSA: PSA_PORT, Role.ERP: ERP_PORT}
    for role, port in ports.items():
        assert POLICY.systems[role].url == f"http://127.0.0.1:{port}"
        assert POLICY.systems[role].secret() == TOKEN
    assert len(OPERATIONS) == sum(len(system.taken) for system in POLICY.systems.values())
