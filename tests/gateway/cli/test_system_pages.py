"""The policies that the pages of Tryton and Redmine show, put together, send each operation where it is taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from actors.policy import ROLES
from gateway.cli.route_doubts import route_doubts
from gateway.policy_file import PolicyFile

PAGES: Final = Path(__file__).parents[3] / "docs" / "systems"


def shown(page: str) -> dict[str, Any]:
    """The policy that a page shows."""
    example = re.search(r"```yaml\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    found: dict[str, Any] = yaml.safe_load(example[1])
    return found


def firm() -> dict[str, Any]:
    """A firm with Tryton as CRM and ERP, and Redmine as PSA."""
    tryton, redmine = shown("tryton.md"), shown("redmine.md")
    crm, psa = "urn:example:crm", "urn:example:psa"
    return {
        "legal_entities": tryton["legal_entities"],
        "service_lines": ["consulting"],
        "sources": {
            crm: {"users": ["guest"], "types": ["customer.*", "project.opportunity_won"], "system": "crm"},
            psa: {"users": ["guest"], "types": ["timesheet.*"], "system": "psa"},
        },
        "systems": tryton["systems"] | redmine["systems"],
    }


def test_each_operation_has_a_system_that_takes_it_or_goes_nowhere() -> None:
    assert list(route_doubts(PolicyFile.model_validate(firm()), ROLES)) == []


def test_without_its_routes_that_go_nowhere_there_are_doubts() -> None:
    policy = firm()
    policy["legal_entities"]["US01"].pop("operations")
    told = "\n".join(route_doubts(PolicyFile.model_validate(policy), ROLES))
    for operation in ("contract.put", "contract.cancel", "assignment.put", "milestone.put", "delivery.put"):
        assert operation in told
