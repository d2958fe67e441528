"""The preview predicts what the same messages do in a fresh database under the changed policy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import orjson
import pytest
import yaml

from gateway.cli.mapping import past_of
from gateway.cli.preview.hurry import hurried
from gateway.cli.preview.play import play
from gateway.cli.preview.played import Ending, Kind, Played, differences
from gateway.exits import Exit
from gateway.self_system import SOURCE
from schemas.keys import ActorKey
from schemas.verdicts import Verdict
from tests.actors.firm import customer, deal, part
from tests.fixtures.apart import apart
from tests.gateway.cli.conftest import cli
from tests.gateway.cli.past import CHANGED, CRM, POLICY, PSA, Live, came, past, policy
from tests.gateway.intakes.clock import entry


def outside(played: Played) -> Played:
    """Without what actors tell each other: whether an answer is still news depends on what else is under way."""
    keys = {key: [told for told in lines if f" {SOURCE} " not in told] for key, lines in played.keys.items()}
    return Played(commands=played.commands, keys={key: lines for key, lines in keys.items() if lines})


def same(one: Played, other: Played) -> None:
    """Two outcomes are the same to the last message, line, and cent."""
    assert differences(outside(one), outside(other)) == []
    assert one.commands == other.commands


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_preview_predicts_what_a_fresh_database_does(database_url: str, fresh_url: str, count: int) -> None:
    # Given messages that were taken under one policy
    messages = past(count)
    before = asyncio.run(Live(database_url, policy(POLICY)).take(messages))
    # When the preview plays them under another one
    found = asyncio.run(past_of(database_url, None, None, 100_000))
    assert len(found.messages) == count
    now, then = (
        hurried(play(each, found.messages, found.given, lambda: None)) for each in (found.active, policy(CHANGED))
    )
    # Then it tells what happened, and what the same messages do in a fresh database under the other one
    same(now, before)
    same(then, asyncio.run(Live(fresh_url, policy(CHANGED), found.given).take(messages)))
    # And the two differ in what was changed
    assert differences(now, then)
    assert now.endings[Ending(Verdict.PARKED, "legal_entity_unmapped")] > 0
    assert then.endings[Ending(Verdict.PARKED, "legal_entity_unmapped")] == 0
    assert then.endings[Ending(Verdict.IGNORED, "shadow")] > 0
    assert then.commands[Kind("north", "customer.put", "")].count > 0
    assert Kind("north", "customer.put", "") not in now.commands


BUYER = ActorKey("customer", "C-1")
IN_DE = deal(part("DE01", contract="SOW-1"), opportunity_id="O-1")
IN_US = deal(part("US01", currency="USD", contract="SOW-2"), opportunity_id="O-2")


def test_which_of_two_deals_one_message_wakes_first_is_no_difference(database_url: str, fresh_url: str) -> None:
    # Given two deals, each of which brings a customer into another ERP, and which wait for it; the first key goes first
    known = ((CRM, BUYER, customer("NO01")), (CRM, BUYER, customer("NO01", name="Shipyard AG")))
    orders = [
        [
            came(number, *fact)
            for number, fact in enumerate(
                ((CRM, ActorKey("project", "P-1"), first), (CRM, ActorKey("project", "P-2"), second), *known)
            )
        ]
        for first, second in ((IN_DE, IN_US), (IN_US, IN_DE))
    ]
    # When it comes, live and played
    lived = [
        _customer_puts(asyncio.run(Live(url, policy(CHANGED)).take(order)))
        for url, order in zip((database_url, fresh_url), orders, strict=True)
    ]
    played = [_customer_puts(hurried(play(policy(CHANGED), order, (), lambda: None))) for order in orders]
    # Then each ERP is asked for the same, under the same names, in either order
    assert played[0] == played[1]
    assert lived[0] == lived[1]
    # And as often live as played, where ids are made up
    assert [line.rpartition(".")[0] for line in played[0]] == [line.rpartition(".")[0] for line in lived[0]] == [
        "erp customer.put DE01.1", "erp customer.put DE01.2", "erp customer.put NO01.1", "erp customer.put NO01.2",
        "north customer.put US01.1", "north customer.put US01.2",
    ]  # fmt: skip


def _customer_puts(played: Played) -> list[str]:
    """What systems were asked about the customer, each with its name and a digest of its content."""
    return sorted(line for line in played.keys[BUYER] if " customer.put " in line)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The changed policy file."""
    file = tmp_path / "changed.yaml"
    file.write_text(CHANGED)
    return file


def test_it_tells_counts_money_and_the_keys_that_differ_and_leaves_nothing(database_url: str, changed: Path) -> None:
    asyncio.run(Live(database_url, policy(POLICY)).take(past(40)))
    tables = ("inbox", "outbox", "attempt", "cases", "entity", "timeline", "audit", "policy_activation")
    before = apart(_counts(database_url, tables))
    preview = ("mapping", "preview", str(changed), "--database-url", database_url)
    shown = orjson.loads(cli("-o", "json", *preview, "--show", "2").stdout)
    assert (shown["now"]["policy"], shown["then"]["policy"]) == (policy(POLICY).hash, policy(CHANGED).hash)
    for each in (shown["now"], shown["then"]):
        assert sum(row["count"] for row in each["messages"]) >= 40, "with what actors tell each other"
    assert shown["differing"] > 2
    assert len(shown["keys"]) == 2
    assert all(key["now"] != key["then"] for key in shown["keys"])
    table = cli(*preview).stdout
    assert "legal_entity_unmapped" in table
    assert f"then ({policy(CHANGED).hash})" in table
    assert apart(_counts(database_url, tables)) == before


def test_the_same_policy_changes_nothing(database_url: str, tmp_path: Path) -> None:
    same_file = tmp_path / "policy.yaml"
    same_file.write_text(POLICY)
    asyncio.run(Live(database_url, policy(POLICY)).take(past(40)))
    shown = cli("mapping", "preview", str(same_file), "--database-url", database_url)
    assert "\n0 of " in shown.stdout


def test_a_changed_intake_is_named_for_no_play_can_show_it(database_url: str, tmp_path: Path) -> None:
    # Given a policy that makes events of what a clock exports
    asyncio.run(Live(database_url, policy(POLICY)).take(past(40)))
    changed = tmp_path / "policy.yaml"
    changed.write_text(yaml.safe_dump(yaml.safe_load(POLICY) | {"intakes": {"clock": entry() | {"source": PSA}}}))
    # When it is compared with one that does not
    preview = ("mapping", "preview", str(changed), "--database-url", database_url)
    shown = cli(*preview)
    # Then no key differs, and it is said that this says nothing of the intake
    assert "\n0 of " in shown.stdout
    assert shown.stderr.startswith("intakes.clock differs, which no preview shows: try messages of your own with ")
    assert orjson.loads(cli("-o", "json", *preview).stdout)["unseen"] == ["intakes.clock"]


def test_a_message_that_the_changed_policy_turns_away_is_told(database_url: str, tmp_path: Path) -> None:
    asyncio.run(Live(database_url, policy(POLICY)).take(past(40)))
    narrow = tmp_path / "policy.yaml"
    narrow.write_text(POLICY.replace('types: ["timesheet.*"]', "types: [timesheet.rejected]"))
    shown = orjson.loads(
        cli("-o", "json", "mapping", "preview", str(narrow), "--database-url", database_url, "--show", "0").stdout
    )
    [turned_away] = [row for row in shown["then"]["messages"] if row["verdict"] == "dead_letter"]
    assert turned_away["code"] == "type_forbidden"
    assert turned_away["count"] == sum(fact.key.entity == "timesheet" for fact in past(40))


def test_a_file_with_mistakes_and_an_empty_database_are_told(database_url: str, changed: Path) -> None:
    found = cli("mapping", "preview", str(changed), "--database-url", database_url)
    assert (found.exit_code, "start the gateway once" in found.stderr) == (Exit.NOT_FOUND, True)
    changed.write_text(CHANGED.replace("currency: NOK", "currency: NO"))
    found = cli("mapping", "preview", str(changed), "--database-url", database_url)
    assert found.exit_code == Exit.FAILED
    assert "legal_entities.NO01.currency" in found.stderr


async def _counts(url: str, tables: Sequence[str]) -> list[int]:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return [await connection.fetchval(f"SELECT count(*) FROM tallystick.{table}") for table in tables]  # noqa: S608
    finally:
        await connection.close(timeout=10)
