"""`tallystick doctor` with everything up, and with each thing down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import pytest
import yaml
from aiohttp import encode_basic_auth, web

from adapters.ports.broker import Outgoing, Published, Queue, Topology
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.migrations.upgrade import upgrade
from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.positions import PostgresPositions
from adapters.rabbitmq.publishing import RabbitPublishing
from gateway.cli.checks.clock import clock
from gateway.cli.topology import the_topology
from gateway.exits import Exit
from gateway.local.postgres import LocalPostgres
from gateway.policy_file import parse_policy
from tests.contracts.turns import SHEET, applied, asking, batch, command, message
from tests.fixtures.rabbitmq import Vhost
from tests.gateway.cli.conftest import NOBODY, SetUp, cli
from tests.gateway.cli.test_read import with_tryton
from tests.gateway.cli.test_topology import stand

Found = list[dict[str, str]]


async def examined(env: dict[str, str]) -> tuple[int, Found]:
    """The exit code, and the findings that are not ok."""
    shown = await asyncio.to_thread(lambda: cli("-o", "json", "doctor", env=env))
    told: dict[str, Any] = orjson.loads(shown.stdout)
    assert told["healthy"] == (shown.exit_code == 0)
    for each in told["findings"]:
        assert each["level"] == "ok" or each["change"], each
    return shown.exit_code, [each for each in told["findings"] if each["level"] != "ok"]


@pytest.fixture
async def healthy(set_up: SetUp) -> SetUp:
    await stand(set_up.env["TALLYSTICK_AMQP_URL"], the_topology())
    return set_up


async def test_everything_is_up(healthy: SetUp) -> None:
    assert await examined(healthy.env) == (0, [])
    shown = await asyncio.to_thread(lambda: cli("doctor", env=healthy.env))
    assert shown.exit_code == 0
    assert "Healthy." in shown.stdout
    for part in ("settings", "policy", "postgresql", "rabbitmq", "system crm", "system psa", "system erp"):
        assert part in shown.stdout


async def test_an_approval_that_no_caller_can_give_is_doubted(healthy: SetUp, tmp_path: Path) -> None:
    # Given a rule for a role, and a file of callers
    rules = {"large_deal": {"role": "partner", "amount_above": {"EUR": 250000}}}
    document = yaml.safe_load(healthy.policy.read_text()) | {"approvals": rules}
    healthy.policy.write_text(yaml.safe_dump(document, sort_keys=False))
    callers = tmp_path / "callers.yaml"
    env = healthy.env | {"TALLYSTICK_CALLERS_FILE": str(callers)}
    # When no caller has that role, there is a doubt, and when one has it, none
    for role, doubts in (("finance", ["approvals.large_deal.role: no caller of the API has the role partner"]),
                         ("partner", [])):  # fmt: skip
        callers.write_text(f"[{{name: ann, token_sha256: '{'0a' * 32}', roles: [{role}]}}]")
        callers.chmod(0o600)
        code, found = await examined(env)
        assert (code, [each["found"] for each in found]) == (0, doubts)


async def test_nothing_is_set() -> None:
    code, found = await examined({})
    assert code == Exit.UNHEALTHY
    assert {each["part"] for each in found} == {"settings"}
    assert len(found) == 3


async def test_everything_is_down(set_up: SetUp) -> None:
    for system in ("crm", "psa", "erp"):
        set_up.change(system, url=f"http://{NOBODY}")
    env = {
        "TALLYSTICK_DATABASE_URL": f"postgresql://u:geheim@{NOBODY}/x",
        "TALLYSTICK_AMQP_URL": f"amqp://guest:geheim@{NOBODY}/",
    }
    code, found = await examined({**set_up.env, **env})
    assert code == Exit.UNHEALTHY
    assert [each["part"] for each in found] == ["postgresql", "rabbitmq", "system crm", "system psa", "system erp"]
    assert {each["level"] for each in found} == {"fail"}
    assert "geheim" not in str(found)
    assert "correct systems.erp.url" in found[-1]["change"]


async def test_what_is_not_set_does_not_keep_the_rest_from_being_looked_at(healthy: SetUp) -> None:
    env = {name: value for name, value in healthy.env.items() if name != "TALLYSTICK_AMQP_URL"}
    code, found = await examined({**env, "TALLYSTICK_PREFETCH": "0"})
    assert code == Exit.UNHEALTHY
    assert [each["found"].partition(":")[0] for each in found] == ["TALLYSTICK_AMQP_URL", "TALLYSTICK_PREFETCH"]


async def test_a_small_prefetch_is_doubted(healthy: SetUp) -> None:
    code, found = await examined({**healthy.env, "TALLYSTICK_PREFETCH": "1"})
    assert (code, [each["part"] for each in found]) == (0, ["prefetch"])


async def test_a_policy_with_mistakes(healthy: SetUp) -> None:
    healthy.change("erp", url="nowhere")
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    assert [each["part"] for each in found] == ["policy"]
    assert "systems.erp.url" in found[0]["found"]


async def test_a_doubtful_policy_is_a_warning(healthy: SetUp) -> None:
    healthy.change("psa", operations={})
    code, found = await examined(healthy.env)
    assert code == 0
    assert {(each["part"], each["level"]) for each in found} == {("policy", "warn")}
    assert all(each["change"].startswith("add it to systems.psa, or write where it goes under") for each in found)


async def test_a_schema_that_is_behind(healthy: SetUp, empty_database_url: str) -> None:
    code, found = await examined({**healthy.env, "TALLYSTICK_DATABASE_URL": empty_database_url})
    assert code == Exit.UNHEALTHY
    assert [each["change"] for each in found] == ["run `tallystick db upgrade`"]


async def of_the_reader(env: dict[str, str]) -> dict[str, str]:
    """The one finding on it; the system itself is not there."""
    code, found = await examined(env)
    assert code == Exit.UNHEALTHY
    [of_it] = [each for each in found if each["part"] == "reader deals"]
    return of_it


async def test_a_system_whose_changes_nobody_reads(healthy: SetUp) -> None:
    with_tryton(healthy, {"users": ["guest"], "types": ["customer.*", "project.*"]})
    found = await of_the_reader(healthy.env)
    assert (found["level"], found["found"]) == ("warn", "its changes were never read")
    assert found["change"] == "run `tallystick read deals`"


async def test_a_system_that_was_read_under_another_name(healthy: SetUp) -> None:
    positions = PostgresPositions(healthy.env["TALLYSTICK_DATABASE_URL"], "host:1")
    assert await positions.hold("former")
    await positions.position("former", "sale.opportunity")
    await positions.close()
    code, [found] = await examined(healthy.env)
    assert (code, found["part"], found["level"]) == (0, "reader former", "warn")
    assert "renamed" in found["change"]


async def test_a_reader_that_stands_still(healthy: SetUp) -> None:
    with_tryton(healthy, {"users": ["guest"], "types": ["customer.*", "project.*"]})
    positions = PostgresPositions(healthy.env["TALLYSTICK_DATABASE_URL"], "host:1")
    assert await positions.hold("deals")
    position = await positions.position("deals", "sale.opportunity")
    at = position.at - timedelta(seconds=101)
    await positions.advance(replace(position, at=at), at, forget_before=at)
    await positions.failed("deals", "sale.opportunity", "it refuses the password")
    found = await of_the_reader(healthy.env)
    assert found["level"] == "fail"
    assert found["found"].startswith("sale.opportunity: last whole look 1")
    assert found["found"].endswith(" s ago, by host:1; it refuses the password")
    await positions.advance(position, at, forget_before=at)
    await positions.failed("deals", "sale.opportunity", "it does not answer")
    await positions.close()
    assert (await of_the_reader(healthy.env))["level"] == "warn"


async def test_a_policy_file_that_was_superseded(healthy: SetUp) -> None:
    policies = PostgresPolicies(healthy.env["TALLYSTICK_DATABASE_URL"])
    file = parse_policy(healthy.policy.read_text(), "policy.yaml")
    await policies.load("0123456789ab", "another text", actor="ann", reason="Norway joins")
    # One that was never loaded is a changed file, of which there is nothing to say
    assert await examined(healthy.env) == (0, [])
    await policies.load(file.hash, file.text, actor="ann", reason="first")
    assert await examined(healthy.env) == (0, [])
    await policies.load("0123456789ab", "another text", actor="ann", reason="Norway joins")
    await policies.close()
    code, [found] = await examined(healthy.env)
    assert (code, found["part"], found["level"]) == (0, "policy", "warn")
    assert "0123456789ab is in force (reload by ann" in found["found"]
    assert "tallystick mapping reload" in found["change"]


async def test_commands_for_a_system_that_is_not_in_the_policy(healthy: SetUp) -> None:
    commits = PostgresCommits(healthy.env["TALLYSTICK_DATABASE_URL"])
    row = (await commits.load([SHEET]))[SHEET]
    await commits.commit(batch(asking(applied(row, message("e1")), command(system="old"), command(system="erp"))))
    await commits.close()
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    assert [(each["part"], each["level"]) for each in found] == [("system old", "fail")]
    assert found[0]["found"].startswith("not in the policy file, and commands are open: 1, the oldest since ")
    assert found[0]["change"].startswith("add old under systems in the policy file")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("synchronous_commit = off", "synchronous_commit is off"),
        ("default_transaction_read_only = on", "it takes no writes"),
    ],
)
async def test_a_database_that_keeps_nothing(healthy: SetUp, setting: str, told: str) -> None:
    url = healthy.env["TALLYSTICK_DATABASE_URL"]
    await execute(url, f'ALTER DATABASE "{url.rpartition("/")[2]}" SET {setting}')
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    assert told in found[0]["found"]


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_a_user_that_may_not_write(healthy: SetUp) -> None:
    url = healthy.env["TALLYSTICK_DATABASE_URL"]
    role = f"nobody_{url.rpartition('/')[2]}"
    await execute(url, f'CREATE ROLE "{role}" LOGIN')
    try:
        other = url.replace("//tally@", f"//{role}@")
        assert other != url
        code, found = await examined({**healthy.env, "TALLYSTICK_DATABASE_URL": other})
    finally:
        await execute(url, f'DROP ROLE "{role}"')
    assert code == Exit.UNHEALTHY
    assert any("may not read and insert" in each["found"] for each in found), found


async def test_a_broker_in_which_nothing_stands(set_up: SetUp) -> None:
    code, found = await examined(set_up.env)
    assert code == Exit.UNHEALTHY
    assert {each["part"] for each in found} == {"rabbitmq"}
    assert all("tallystick topology apply" in each["change"] for each in found)
    # And the doctor has made nothing
    assert (await examined(set_up.env))[1] == found


async def test_a_queue_with_other_arguments(set_up: SetUp) -> None:
    url = set_up.env["TALLYSTICK_AMQP_URL"]
    await stand(url, Topology((), (Queue("tallystick.project", "", (), {"x-queue-type": "quorum"}),)))
    _, found = await examined(set_up.env)
    assert any("queue tallystick.project stands in the broker with other arguments" in each["found"] for each in found)


async def test_a_broker_that_refuses_the_password(healthy: SetUp, vhost: Vhost) -> None:
    wrong = vhost.url.replace("guest:guest", "guest:geheim")
    code, found = await examined({**healthy.env, "TALLYSTICK_AMQP_URL": wrong})
    assert code == Exit.UNHEALTHY
    assert [each["change"] for each in found] == ["correct user, password, and virtual host in TALLYSTICK_AMQP_URL"]
    assert "geheim" not in str(found)


async def test_dead_letters_in_the_broker_are_a_warning(healthy: SetUp) -> None:
    publishing = RabbitPublishing(healthy.env["TALLYSTICK_AMQP_URL"], report=lambda _: None)
    sent = await publishing.publish([Outgoing("tallystick.dead", "", b"x", "text/plain", {}, "m")])
    await publishing.close()
    assert sent == [Published.CONFIRMED]
    code, found = await examined(healthy.env)
    assert (code, [each["found"] for each in found]) == (0, ["1 messages in tallystick.dead"])


async def test_a_token_that_is_refused(healthy: SetUp) -> None:
    healthy.change("psa", token="other")
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    assert [(each["part"], each["found"]) for each in found] == [("system psa", "it refuses the token (401)")]


async def test_a_path_that_is_wrong(healthy: SetUp) -> None:
    healthy.change("crm", operations={"project.link": {"path": "/nowhere", "look_up": True}})
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    [finding] = [each for each in found if each["part"] != "policy"]
    assert finding["found"] == "missing: look-up at /nowhere"
    assert finding["change"].startswith("it answers 404 where 404 with problem type `not-found` is right")


@asynccontextmanager
async def system(answer: web.Response) -> AsyncIterator[str]:
    """A system that always answers the same."""

    async def always(_: web.Request) -> web.Response:
        # One answer can be sent only once.
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", always)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_system_that_finds_what_is_not_there(healthy: SetUp) -> None:
    async with system(web.json_response({"id": "42"})) as url:
        healthy.change("crm", url=url)
        _, found = await examined(healthy.env)
    assert "cannot be trusted" in found[0]["change"]


async def test_a_system_whose_clock_is_off(healthy: SetUp) -> None:
    answer = web.json_response(
        {"type": "not-found", "code": "not_found"},
        status=404,
        content_type="application/problem+json",
        headers={"Date": "Tue, 01 Jan 2019 00:00:00 GMT"},
    )
    async with system(answer) as url:
        healthy.change("crm", url=url)
        code, found = await examined(healthy.env)
    assert (code, [(each["part"], each["level"]) for each in found]) == (0, [("system crm", "warn")])
    assert "behind ours" in found[0]["found"]


async def test_secret_files(healthy: SetUp, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("sandbox\n")
    healthy.change("erp", token=None, token_file=str(secret))
    secret.chmod(0o644)
    code, found = await examined(healthy.env)
    assert (code, [each["change"] for each in found]) == (0, [f"chmod o= {secret}"])
    secret.chmod(0o600)
    assert await examined(healthy.env) == (0, [])
    secret.write_text("")
    code, found = await examined(healthy.env)
    assert code == Exit.UNHEALTHY
    assert {each["part"] for each in found} == {"secret file", "system erp"}
    os.unlink(secret)  # noqa: PTH108  # as somebody outside would
    code, found = await examined({**healthy.env, "TALLYSTICK_API_TOKEN_FILE": "/nowhere"})
    assert [each["found"].partition(":")[0] for each in found][:2] == [
        "TALLYSTICK_API_TOKEN_FILE",
        "systems.erp.token_file",
    ]


QUEUES: Final = "/api/queues/"
WIDE: Final = {"delivery-limit": 2_000_000, "dead-letter-exchange": "elsewhere", "consumer-timeout": 900_000}


async def of_policies(healthy: SetUp, *rows: dict[str, object], status: int = 200, **env: str) -> tuple[int, Found]:
    """What is found with a management API that answers so; it was asked for AMQP's virtual host, as its user."""
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.rel_url.raw_path, request.headers["Authorization"]))
        return web.json_response(list(rows), status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = await examined(healthy.env | {"TALLYSTICK_MANAGEMENT_URL": url} | env)
    finally:
        await runner.cleanup()
    vhost = healthy.env["TALLYSTICK_AMQP_URL"].rpartition("/")[2]
    assert asked == [(f"{QUEUES}{vhost}", encode_basic_auth("guest", "guest"))]
    return found


def of_queue(queue: str, definition: dict[str, object], **names: str) -> dict[str, object]:
    return {"name": f"tallystick.{queue}", "effective_policy_definition": definition, **names}


@pytest.mark.parametrize(
    ("queue", "definition", "said"),
    [
        ("timesheet", {"delivery-limit": 20}, "short set delivery-limit to 20: what comes back more often is taken"),
        ("project", {"message-ttl": 60_000}, "short set message-ttl to 60000: what waits longer"),
        ("customer", {"expires": 1}, "short set expires to 1: a queue that nobody consumes"),
        ("unrouted", {"max-length": 10}, "short set max-length to 10: more messages are refused"),
        ("dead", {"max-length-bytes": 10}, "short set max-length-bytes to 10: more bytes are refused"),
        ("watermark", {"max-length": 1}, "short set max-length to 1: more messages are refused"),
    ],
)
async def test_a_policy_in_the_way(healthy: SetUp, queue: str, definition: dict[str, object], said: str) -> None:
    code, found = await of_policies(healthy, of_queue(queue, definition, policy="short"))
    assert code == Exit.UNHEALTHY
    assert [(each["part"], each["level"]) for each in found] == [("rabbitmq policies", "fail")]
    assert said in found[0]["found"]
    assert "let its pattern leave out ^tallystick" in found[0]["change"]


async def test_policies_that_take_nothing(healthy: SetUp) -> None:
    others: dict[str, object] = {"name": "others", "policy": "short", "effective_policy_definition": {"message-ttl": 1}}
    bare: dict[str, object] = {"name": "tallystick.expense", "policy": None, "effective_policy_definition": {}}
    assert await of_policies(healthy, of_queue("timesheet", WIDE, policy="wide"), others, bare) == (0, [])


async def test_an_operators_policy_is_named_too(healthy: SetUp) -> None:
    row = of_queue("timesheet", {"delivery-limit": 5}, policy="wide", operator_policy="strict")
    _, [found] = await of_policies(healthy, row)
    assert found["found"].startswith("tallystick.timesheet: wide and strict set delivery-limit to 5")


async def test_policies_that_cannot_be_looked_at(healthy: SetUp) -> None:
    code, [refused] = await of_policies(healthy, status=401)
    assert (code, refused["level"], refused["found"].endswith("answers 401")) == (0, "warn", True)
    assert "the tag monitoring" in refused["change"]
    code, [away] = await examined(healthy.env | {"TALLYSTICK_MANAGEMENT_URL": f"http://u:geheim@{NOBODY}"})
    assert (code, away["level"], "geheim" in str(away)) == (0, "warn", False)
    shown = await asyncio.to_thread(lambda: cli("doctor", env=healthy.env))
    assert "set TALLYSTICK_MANAGEMENT_URL to RabbitMQ's management API" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("url", ["nowhere", "http://mq.example:15672", "https://mq:x", "https://mq?a=b"])
async def test_a_management_url_that_cannot_be_used(healthy: SetUp, url: str) -> None:
    code, [found] = await examined(healthy.env | {"TALLYSTICK_MANAGEMENT_URL": url})
    assert (code, found["part"]) == (Exit.UNHEALTHY, "settings")
    assert "TALLYSTICK_MANAGEMENT_URL: " in found["found"]
    assert "https://" in found["found"]


async def test_a_server_that_may_forget_what_it_confirmed(healthy: SetUp) -> None:
    with LocalPostgres(durable=False) as server:
        await asyncio.to_thread(upgrade, server.url)
        code, found = await examined({**healthy.env, "TALLYSTICK_DATABASE_URL": server.url})
    assert code == Exit.UNHEALTHY
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        [each] = [each for each in found if each["found"].startswith(f"{name} is off")]
        assert (each["part"], each["change"].startswith(f"set {name} = on")) == ("postgresql", True)


async def test_a_memory_that_ends_before_messages_can_come_back(healthy: SetUp) -> None:
    document = yaml.safe_load(healthy.policy.read_text()) | {"retention": {"inbox_days": 30, "replay_window_days": 90}}
    healthy.policy.write_text(yaml.safe_dump(document, sort_keys=False))
    code, [found] = await examined(healthy.env)
    assert (code, found["part"]) == (Exit.UNHEALTHY, "policy")
    assert "inbox_days (30) must be above replay_window_days (90)" in found["found"]


@pytest.mark.parametrize(("seconds", "level", "told"), [(5, "ok", "agrees"), (60, "warn", "60 s ahead of ours"),
                                                        (-3600, "warn", "3600 s behind ours")])  # fmt: skip
def test_a_clock_that_is_off(seconds: int, level: str, told: str) -> None:
    ours = datetime(2026, 3, 6, 12, tzinfo=UTC)
    found = clock("postgresql", ours + timedelta(seconds=seconds), ours)
    assert (found.level, told in found.found, bool(found.change)) == (level, True, level == "warn")
