"""`tallystick system` on sandbox systems, and with a system that answers whatever is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest
import yaml

from adapters.ports.declarations import (
    Ambiguity,
    ChangeReading,
    Declaration,
    Deletes,
    LimitShape,
    Precondition,
)
from adapters.ports.inspection import NotInspected, Right
from adapters.ports.system import Capability, Upsert
from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from gateway.cli.checks.finding import Level
from gateway.cli.checks.systems import look
from gateway.cli.declared import Configured, as_json, promise_rows, record_rows, system_row
from gateway.exits import Exit
from gateway.policy_file import AnySystem, PolicyFile
from schemas.operations.table import OPERATIONS
from tests.gateway.cli.conftest import EXAMPLES, NOBODY, TOKEN, cli
from tests.gateway.inspecting import Answers, Silent, inspection

EXAMPLE = EXAMPLES / "policy.yaml"


@dataclass
class Policy:
    """A policy file that can be changed."""

    path: Path

    def change(self, system: str, **fields: Any) -> None:
        document = yaml.safe_load(self.path.read_text())
        document["systems"][system].update(fields)
        self.path.write_text(yaml.safe_dump(document, sort_keys=False))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        shown = cli(*arguments, env={"TALLYSTICK_POLICY": str(self.path)})
        return shown.exit_code, shown.stdout, shown.stderr


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(EXAMPLE.read_text())
    return Policy(path)


@asynccontextmanager
async def sandboxes(policy: Policy) -> AsyncIterator[None]:
    """The three systems of the policy run. Call commands in a thread: they run in the test's own loop."""
    async with serve_sandboxes([SandboxSettings(role, TOKEN) for role in Role]) as urls:
        for name, url in urls.items():
            policy.change(name, url=url)
        yield


class TestList:
    def test_each_operation_is_shown_with_its_promise_and_nothing_is_connected_to(self, policy: Policy) -> None:
        policy.change("erp", url=f"http://{NOBODY}")
        code, out, _ = policy.run("-o", "json", "system", "list")
        assert code == 0
        shown: dict[str, Any] = {each["name"]: each for each in orjson.loads(out)}
        assert list(shown) == ["crm", "psa", "erp"]
        operations = {each["operation"]: each for each in shown["erp"]["operations"]}
        assert set(operations) == {
            "customer.put", "project.create", "project.cancel", "contract.put", "contract.cancel", "assignment.put",
            "billable.post", "billable.reverse", "expense.post", "expense.reverse", "cost.post", "cost.reverse",
            "milestone.bill", "invoice.post",
        }  # fmt: skip
        assert operations["customer.put"] == {
            "operation": "customer.put",
            "record": "/customers",
            "upsert": "alternate_key",
            "key_window_seconds": 86400.0,
            "unique_reference": True,
            "look_up": True,
            "late_bound_seconds": 10.0,
        }
        assert [each["record"] for each in shown["erp"]["records"]] == [
            "/assignments",
            "/billables",
            "/contract-cancellations",
            "/contracts",
            "/cost-reversals",
            "/costs",
            "/customers",
            "/expense-reversals",
            "/expenses",
            "/invoices",
            "/milestone-billings",
            "/project-cancellations",
            "/projects",
            "/reversals",
        ]
        assert {each["tried_against"] for each in shown["erp"]["records"]} == {None}
        assert (shown["erp"]["kind"], shown["erp"]["changes_published_as"]) == ("http", None)

    def test_the_tables_say_that_plain_http_was_tried_on_sandboxes_alone(self, policy: Policy) -> None:
        code, out, _ = policy.run("system", "list")
        assert code == 0
        for words in ("crm", "psa", "erp", "billable.reverse", "/reversals", "two_hits", "only sandboxes"):
            assert words in out

    def test_records_of_which_the_same_is_declared_stand_together(self) -> None:
        alike, other = replace(DECLARATION, record="work"), replace(DECLARATION, record="time", tried_against=None)
        rows = list(record_rows(Configured("psa", redmine(), (DECLARATION, alike, other))))
        assert [row[:2] for row in rows if row[0]] == [("psa", "project, work"), ("psa", "time")]
        assert [row[3] for row in rows if row[2] == "tried against"] == ["Redmine 5.0.4", "only sandboxes"]

    def test_a_secret_that_cannot_be_read_is_told_and_the_rest_is_shown(self, policy: Policy) -> None:
        policy.change("psa", token=None, token_file="/nowhere")
        code, out, err = policy.run("-o", "json", "system", "list")
        assert code == Exit.FAILED
        assert "systems.psa: token_file /nowhere" in err
        shown = {each["name"]: each for each in orjson.loads(out)}
        assert "/nowhere" in shown["psa"]["problem"]
        assert (shown["psa"]["records"], shown["erp"]["problem"]) == ([], None)

    def test_without_a_policy_it_says_what_to_give(self) -> None:
        shown = cli("system", "list")
        assert shown.exit_code == Exit.USAGE
        assert "give --policy, or set TALLYSTICK_POLICY" in shown.stderr
        assert cli("system", "list", "--policy", str(EXAMPLE)).exit_code == 0

    def test_what_an_adapter_declares_and_the_policy_reads_is_shown(self) -> None:
        shown = Configured("psa", redmine(), (DECLARATION,))
        assert system_row(shown) == (
            "psa",
            "redmine",
            "http://127.0.0.1:3999",
            "project.put\nproject.withdraw",
            "urn:psa",
            "Redmine 5.0.4",
        )
        assert list(promise_rows(shown)) == [
            ("psa", "project.put", "project", "search_then_create", "-", "no", "yes", "60 s")
        ]
        rows = [row[2:] for row in record_rows(shown)]
        assert ("changes are read by", "watermark") in rows
        assert ("looked up by", "identifier") in rows
        told: Any = orjson.loads(orjson.dumps(as_json(shown)))
        assert told["changes_published_as"] == "urn:psa"
        assert told["records"][0]["operations"] == ["project.put", "project.drop"]
        assert [each["operation"] for each in told["operations"]] == ["project.put"]


CAPABILITY = Capability(Upsert.SEARCH_THEN_CREATE, None, unique_reference=False, look_up=True, late_bound=60.0)
DECLARATION = Declaration(
    record="project",
    # One more than the policy sends to it
    operations=MappingProxyType({"project.put": CAPABILITY, "project.drop": CAPABILITY}),
    look_up_by="identifier",
    ambiguous=Ambiguity.TWO_HITS,
    precondition=Precondition.NONE,
    partial_success=False,
    throttle=(),
    limit_shape=LimitShape.NONE,
    idempotency_key=None,
    changes=ChangeReading.WATERMARK,
    deletes=Deletes.NOTHING,
    session="API key",
    request_id="X-Request-Id",
    tried_against="Redmine 5.0.4",
)


def redmine() -> AnySystem:
    """A system of another kind, as a policy file has it."""
    document = yaml.safe_load(EXAMPLE.read_text())
    document["systems"]["psa"] = {
        "kind": "redmine",
        "url": "http://127.0.0.1:3999",
        "key": "k",
        "fields": {"project_id": 1, "erp_id": 2, "legal_entity": 3, "currency": 4, "approval": 5},
        "changes": {"source": "urn:psa", "begins_on": "2026-11-01"},
    }
    return PolicyFile.model_validate(document).systems["psa"]


def with_tryton(policy: Policy, url: str, **more: object) -> None:
    """Put a Tryton in the place of the CRM."""
    document = yaml.safe_load(policy.path.read_text())
    document["systems"]["crm"] = {
        "kind": "tryton",
        "url": url,
        "database": "crm",
        "user": "gateway",
        "password": "geheim",
        "companies": {"US01": "Northwind Consulting Inc"},
        "operations": ["project.link"],
        **more,
    }
    policy.path.write_text(yaml.safe_dump(document, sort_keys=False))


class TestTryton:
    def test_what_it_declares_is_shown_without_it(self, policy: Policy) -> None:
        changes = {
            "source": "urn:crm",
            "begins_on": "2026-11-01",
            "service_line": "consulting",
            "tax_profile": "standard",
            "country": "US",
        }
        with_tryton(policy, f"http://{NOBODY}", changes=changes)
        code, out, _ = policy.run("-o", "json", "system", "list")
        crm: dict[str, Any] = orjson.loads(out)[0]
        assert (code, crm["kind"], crm["changes_published_as"]) == (0, "tryton", "urn:crm")
        [record] = crm["records"]
        assert (record["record"], record["changes"]) == ("sale.opportunity", "watermark")
        assert record["tried_against"].startswith("Tryton 8.0")
        assert [each["operation"] for each in crm["operations"]] == ["project.link"]

    def test_one_that_is_down_is_told(self, policy: Policy) -> None:
        with_tryton(policy, f"http://{NOBODY}")
        code, out, _ = policy.run("system", "test", "crm")
        assert code == Exit.UNHEALTHY
        assert "took no connection" in out
        assert "start it, or correct `url`" in out
        assert "geheim" not in out


class TestTest:
    async def test_a_system_that_lets_us_work(self, policy: Policy) -> None:
        async with sandboxes(policy):
            code, out, _ = await asyncio.to_thread(policy.run, "system", "test", "erp")
            asked, told, _ = await asyncio.to_thread(policy.run, "-o", "json", "system", "test", "erp")
        assert code == asked == 0
        for words in ("erp, http at http://127.0.0.1:", "whoever has the token", "look-up at /billables", "agrees"):
            assert words in out
        assert "Nothing is missing." in out
        shown: dict[str, Any] = orjson.loads(told)
        assert shown["ready"] is True
        assert [each["missing"] for each in shown["inspection"]["rights"]] == [None] * 14

    async def test_a_token_that_is_refused(self, policy: Policy) -> None:
        async with sandboxes(policy):
            policy.change("erp", token="other")
            code, out, _ = await asyncio.to_thread(policy.run, "system", "test", "erp")
            others, _, _ = await asyncio.to_thread(policy.run, "system", "test", "psa")
        assert (code, others) == (Exit.UNHEALTHY, 0)
        assert "it refuses the token (401)" in out
        assert "correct systems.erp.token_file" in out
        assert "cannot be worked with" in out

    async def test_a_right_that_is_missing(self, policy: Policy) -> None:
        async with sandboxes(policy):
            policy.change("crm", operations={"project.link": {"path": "/nowhere", "look_up": True}})
            code, told, _ = await asyncio.to_thread(policy.run, "-o", "json", "system", "test", "crm")
        shown: dict[str, Any] = orjson.loads(told)
        assert (code, shown["ready"]) == (Exit.UNHEALTHY, False)
        [right] = shown["inspection"]["rights"]
        assert right["name"] == "look-up at /nowhere"
        assert "correct systems.crm.operations" in right["missing"]

    def test_a_system_that_is_down(self, policy: Policy) -> None:
        policy.change("erp", url=f"http://{NOBODY}")
        code, told, _ = policy.run("-o", "json", "system", "test", "erp")
        shown: dict[str, Any] = orjson.loads(told)
        assert (code, shown["ready"], shown["inspection"]) == (Exit.UNHEALTHY, False, None)
        assert "correct systems.erp.url" in shown["findings"][0]["change"]

    def test_a_name_that_the_policy_does_not_list(self, policy: Policy) -> None:
        code, _, err = policy.run("system", "test", "sap")
        assert code == Exit.NOT_FOUND
        assert "lists no system sap: it lists crm, psa, erp" in err


class TestLook:
    async def test_all_that_was_found_is_told(self) -> None:
        rights = (Right("project fields"), Right("see all time entries"))
        found = await look("psa", Answers(inspection(*rights, clock=datetime.now(UTC), limits={"requests": "5 of 9"})))
        assert found.is_ready
        assert [each.found for each in found.findings] == [
            "answers, version 5.0.4; who we are there: gateway (no administrator)",
            "project fields",
            "see all time entries",
            "its clock agrees with ours",
            "limits that it tells of: requests: 5 of 9",
        ]
        # And the doctor has one line of it
        assert [each.found for each in found.short] == [found.findings[0].found]

    async def test_each_missing_right_is_one_thing_to_change(self) -> None:
        rights = (Right("add projects", "give role Gateway the permission"), Right("fields"), Right("x", "mend x"))
        found = await look("psa", Answers(inspection(*rights)))
        assert not found.is_ready
        assert [(each.level, each.found, each.change) for each in found.short] == [
            (Level.FAIL, "missing: add projects", "give role Gateway the permission"),
            (Level.FAIL, "missing: x", "mend x"),
        ]

    async def test_a_clock_that_is_off_is_doubtful_and_no_more(self) -> None:
        found = await look("psa", Answers(inspection(clock=datetime.now(UTC) - timedelta(hours=1))))
        assert found.is_ready
        assert [each.level for each in found.short] == [Level.OK, Level.WARN]
        assert "behind ours" in found.short[1].found

    @pytest.mark.parametrize(
        ("error", "change"),
        [
            (NotInspected("it does not let us in", "renew the key"), "renew the key"),
            (NotInspected("the key is refused: renew it"), "put that right, then run `tallystick system test psa`"),
        ],
    )
    async def test_a_system_that_cannot_be_asked(self, error: NotInspected, change: str) -> None:
        found = await look("psa", Answers(error))
        assert (found.is_ready, found.inspection) == (False, None)
        assert [(each.found, each.change) for each in found.short] == [(error.found, change)]

    async def test_a_system_that_does_not_answer_in_time(self) -> None:
        found = await look("psa", Silent(), patience=0.01)
        assert [each.found for each in found.findings] == ["it did not answer all questions within 0.01 s"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_schema_of_what_is_sent(operation: str) -> None:
    shown = cli("system", "schema", operation)
    assert shown.exit_code == Exit.OK
    schema = orjson.loads(shown.stdout)
    assert schema["title"] == operation
    assert set(schema["properties"]) == set(OPERATIONS[operation].model_fields)


def test_the_schema_of_an_unknown_operation() -> None:
    shown = cli("system", "schema", "billable.posted")
    assert shown.exit_code == Exit.USAGE
    assert "billable.post" in shown.stderr
