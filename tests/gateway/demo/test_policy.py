"""The demo's policy: the example's, and the day fits into it."""

from __future__ import annotations

from pathlib import Path

from gateway.demo.firm import BRANCHES, SERVICE_LINES, TAX_PROFILE
from gateway.demo.policy import Endpoint, demo_policy, example_policy
from gateway.demo.sending import Sender
from gateway.policy_file import PolicyFile, read_policy

EXAMPLE = Path(__file__).parents[3] / "examples" / "policy.yaml"


def read(text: str, folder: Path) -> PolicyFile:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return read_policy(path)


def test_what_is_shipped_is_the_example() -> None:
    assert example_policy() == EXAMPLE.read_text(encoding="utf-8")


def test_systems_and_users_are_those_of_the_demo(tmp_path: Path) -> None:
    endpoints = {
        name: Endpoint(f"http://127.0.0.1:{n}", f"token-{name}") for n, name in enumerate(("crm", "psa", "erp"), 1)
    }
    users = {Sender.CRM: "a", Sender.PSA: "b", Sender.FINANCE: "c"}
    policy = read(demo_policy(example_policy(), endpoints, users), tmp_path)
    assert {name: Endpoint(each.url, each.secret()) for name, each in policy.systems.items()} == endpoints
    assert {sender: policy.sources[sender.source].users for sender in Sender} == {
        sender: (user,) for sender, user in users.items()
    }


def test_the_firm_of_the_day_is_mapped_in_it(tmp_path: Path) -> None:
    policy = read(example_policy(), tmp_path)
    for branch in BRANCHES:
        assert policy.legal_entities[branch.code].currency == branch.currency
        assert TAX_PROFILE in policy.legal_entities[branch.code].tax_codes
    assert set(SERVICE_LINES) <= set(policy.service_lines)
