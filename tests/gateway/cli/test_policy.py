"""`tallystick policy`, and what its errors say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from gateway.cli.policy_doubts import doubts
from gateway.exits import Exit
from gateway.policy_file import PolicyFile, json_schema, read_policy
from gateway.system_policy import PolicyInvalid
from tests.gateway.cli.conftest import EXAMPLES, cli

EXAMPLE = (EXAMPLES / "policy.yaml").read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def test_the_example_is_taken_without_a_doubt() -> None:
    shown = cli("policy", "check", str(EXAMPLES / "policy.yaml"))
    assert shown.exit_code == 0
    assert "doubtful" not in shown.stdout
    assert orjson.loads(cli("-o", "json", "policy", "check", str(EXAMPLES / "policy.yaml")).stdout) == {
        "ok": True,
        "doubts": [],
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "    currency: USD",
            "    curency: USD",
            "legal_entities.US01.curency: there is no such key: did you mean currency?",
        ),
        ("    currency: EUR\n", "", "legal_entities.DE01.currency: it is missing: add it"),
        ("currency: EUR", "currency: EURO", "legal_entities.DE01.currency: write the currency as an active ISO 4217"),
        ("    erp: erp", "    erp: sap", "legal_entities.US01.erp: 'sap' is not under `systems`"),
        ("users: [guest, crm]", "users: guest", "sources.urn:example:crm.users: write a list"),
        ("  UK01:", "  DE01:", "DE01 stands here a second time"),
        (
            "    token: sandbox\n    operations:\n      project.put",
            "    operations:\n      project.put",
            "systems.psa: give either",
        ),
        ("url: http://127.0.0.1:18083", "url: ftp://x", "systems.erp.url"),
        ("url: http://127.0.0.1:18083", "url: http://u:p@erp", "systems.erp.url: name a host, and leave out user"),
        ("timeout_seconds: 30", "timeout_seconds: 1", "systems.crm.timeout_seconds: "),
        ("path: /customers", "path: /customers?x", "systems.erp.operations.customer.put.path: "),
        ("legal_entities:", "legal_entities: [", "not YAML"),
        ("  US01:", "  no:", "put it in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_line(file: Path, old: str, new: str, told: str) -> None:
    file.write_text(EXAMPLE.replace(old, new, 1))
    shown = cli("policy", "check", str(file))
    assert shown.exit_code == Exit.FAILED
    assert told in shown.stderr
    line = next(part for part in shown.stderr.splitlines() if told in part)
    assert f"{file}:" in line
    assert line.partition(f"{file}:")[2].partition(":")[0].isdigit()


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    file.write_text(EXAMPLE.replace("currency: USD", "currency: X").replace("currency: GBP", "currency: Y"))
    assert cli("policy", "check", str(file)).stderr.count("currency") >= 2


def test_an_empty_file_and_other_bytes_are_told(file: Path) -> None:
    for content in (b"", b"\xff\xfe", b"- a list"):
        file.write_bytes(content)
        shown = cli("policy", "check", str(file))
        assert shown.exit_code == Exit.FAILED
        assert str(file) in shown.stderr


@pytest.mark.parametrize("token", ["", "with space", "ümlaut"])
def test_a_token_must_fit_into_a_header(file: Path, token: str) -> None:
    document = yaml.safe_load(EXAMPLE)
    document["systems"]["erp"]["token"] = token
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(PolicyInvalid, match="printable ASCII"):
        read_policy(file)
    secret = file.with_name("token")
    secret.write_text(token)
    del document["systems"]["erp"]["token"]
    document["systems"]["erp"]["token_file"] = str(secret)
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(PolicyInvalid, match=str(secret)):
        read_policy(file).systems["erp"].secret()


PSA = "urn:example:psa"


def spoilt(change: Callable[[Any], object]) -> PolicyFile:
    document = yaml.safe_load(EXAMPLE)
    change(document)
    return PolicyFile.model_validate(document)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["legal_entities"]["US01"].pop("tax_codes"), "legal_entities.US01: without tax_codes"),
        (
            lambda d: d["sources"][PSA]["types"].append("timesheets.*"),
            f"sources.{PSA}.types: no event type matches",
        ),
        (
            lambda d: d["sources"][PSA].update(system="jira"),
            f"sources.{PSA}.system: jira is not under `systems`",
        ),
        (
            lambda d: d["sources"][PSA].update(external=["projects"]),
            f"sources.{PSA}.external: projects is no entity",
        ),
        (lambda d: d["systems"]["erp"].update(url="http://erp.example"), "systems.erp.url: the token travels"),
        (lambda d: d["systems"]["erp"].update(url="https://erp.example"), "systems.erp.token: a secret stands"),
        (lambda d: d["systems"]["psa"]["operations"].clear(), "project.put goes to psa, which does not"),
        (
            lambda d: d["legal_entities"]["DE01"].update(
                successors={"erp": [{"system": "crm", "from_on": "2027-01-01"}]}
            ),
            "legal_entities.DE01: billable.post goes to crm from 2027-01-01 on, which does not take it",
        ),
        (lambda d: d["systems"]["psa"]["operations"].update(x={"path": "/x", "look_up": True}), "no such operation"),
        (lambda d: d["systems"]["psa"]["operations"].update({"project.put": {"path": "/p"}}), "is parked, since"),
        (
            lambda d: d["systems"]["psa"]["operations"]["project.put"].update(key_window_seconds=5),
            "key_window_seconds is not above late_bound_seconds",
        ),
        (
            lambda d: d["retries"]["default"].update(deadline_seconds=10),
            "retries.default.deadline_seconds: a person is asked after two or three tries",
        ),
        (
            lambda d: d["retries"].update(timeout={"deadline_seconds": 200}),
            "retries.timeout.deadline_seconds: it is below the longest_seconds of a breaker",
        ),
    ],
)
def test_what_is_hardly_meant_is_doubted(change: Callable[[Any], object], told: str) -> None:
    found = doubts(spoilt(change))
    assert any(told in doubt for doubt in found), found
    # And each doubt ends in what to change
    assert all(": " in doubt for doubt in found)


def test_the_schema_is_printed_and_describes_the_fields() -> None:
    shown = orjson.loads(cli("policy", "schema").stdout)
    assert shown == orjson.loads(orjson.dumps(json_schema()))
    assert shown["$schema"].startswith("https://json-schema.org/draft/2020-12")
    assert set(shown["required"]) == {"legal_entities", "sources", "systems"}
    assert "AMQP users" in shown["$defs"]["Source"]["properties"]["users"]["description"]


def test_what_the_example_shows_can_be_used_as_it_stands(file: Path) -> None:
    file.write_text(EXAMPLE.replace("#~ ", ""))
    policy = read_policy(file).policy
    assert set(policy.approvals) == {"large_deal", "deep_discount", "new_customer", "change_order"}
    assert [rule.owner for rule in policy.ownership] == ["crm", "erp"]
    assert policy.legal_entities["US01"].flows
    assert policy.legal_entities["US01"].successors


def test_a_role_that_nobody_has_is_doubted(file: Path) -> None:
    file.write_text(EXAMPLE.replace("#~ ", ""))
    policy = read_policy(file)
    told = [doubt for doubt in doubts(policy, roles=("finance",)) if doubt.startswith("approvals.")]
    assert told == ["approvals.deep_discount.role: no caller of the API has the role sales_director: give it to one"]
    assert not [doubt for doubt in doubts(policy) if doubt.startswith("approvals.")]
