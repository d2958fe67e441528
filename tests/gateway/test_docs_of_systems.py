"""The example in each page about a system can stand in a policy file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gateway.policy_file import read_policy

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "systems").glob("*.md"))
ROLES = ("crm", "psa", "erp")
SOURCES = {f"urn:example:{name}": {"users": ["guest"], "types": ["*"], "system": name} for name in ROLES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_example_is_a_policy(page: Path, tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    systems = yaml.safe_load(example)["systems"]
    roles = {role: role if role in systems else next(iter(systems)) for role in ("erp", "psa", "crm")}
    policy = {"legal_entities": {"US01": {"currency": "USD"} | roles}, "sources": SOURCES, "systems": systems}
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy), encoding="utf-8")
    found = read_policy(file).systems
    assert {entry.kind for entry in found.values()} == {page.stem}


def test_there_are_pages() -> None:
    assert PAGES
