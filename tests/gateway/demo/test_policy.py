"""The demo's policy: the firm's, and the play fits into it."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP
from pathlib import Path

from gateway.demo.firm.model import BRANCHES, OVERHEAD, SERVICE_LINES, TAX_PROFILE
from gateway.demo.policy import Endpoint, demo_policy, firm_policy
from gateway.demo.telling.pen import NUMBERING
from gateway.demo.telling.sending import Sender
from gateway.policy_file import PolicyFile, read_policy
from schemas.sequence import SequenceKind

FIRM = Path(__file__).parents[3] / "examples" / "firm" / "policy.yaml"
ROUNDING = {ROUND_HALF_UP: "half_up", ROUND_HALF_EVEN: "half_even"}


def read(text: str, folder: Path) -> PolicyFile:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return read_policy(path)


def test_what_is_shipped_is_the_example() -> None:
    assert firm_policy() == FIRM.read_text(encoding="utf-8")


def test_systems_and_users_are_those_of_the_demo(tmp_path: Path) -> None:
    names = ("crm", "psa", "erp", "erp_eu")
    endpoints = {name: Endpoint(f"http://127.0.0.1:{n}", f"token-{name}") for n, name in enumerate(names, 1)}
    users = {sender: f"user-{sender}" for sender in Sender}
    policy = read(demo_policy(firm_policy(), endpoints, users), tmp_path)
    assert {name: Endpoint(each.url, each.secret()) for name, each in policy.systems.items()} == endpoints
    assert {sender: policy.sources[sender.source].users for sender in Sender} == {
        sender: (user,) for sender, user in users.items()
    }


def test_the_firm_is_mapped_in_it(tmp_path: Path) -> None:
    policy = read(firm_policy(), tmp_path)
    assert set(policy.legal_entities) == {branch.code for branch in BRANCHES}
    for branch in BRANCHES:
        mapped = policy.legal_entities[branch.code]
        assert (mapped.currency, mapped.erp) == (branch.currency, branch.erp)
        assert mapped.tax_codes[TAX_PROFILE] == branch.tax_code
        assert mapped.rounding == ROUNDING[branch.rounding]
    assert set(SERVICE_LINES) == set(policy.service_lines)


def test_sources_are_numbered_as_it_says(tmp_path: Path) -> None:
    policy = read(firm_policy(), tmp_path)
    numbering = {sender for sender in Sender if policy.sources[sender.source].sequence is not SequenceKind.NONE}
    assert numbering == NUMBERING


def test_overhead_is_a_task_that_nobody_is_billed_for(tmp_path: Path) -> None:
    packages = read(firm_policy(), tmp_path).service_lines["consulting"].template
    assert [package.billable for package in packages if package.code == OVERHEAD] == [False]
