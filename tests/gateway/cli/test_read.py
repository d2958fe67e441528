"""`tallystick read`: what it refuses to start with, and how its processes end and take over."""

from __future__ import annotations

import asyncio
import signal
from typing import IO

import pytest
import yaml

from gateway.exits import Exit
from tests.gateway.cli.conftest import SetUp, cli, program

SOURCE = "urn:example:deals"


def with_tryton(set_up: SetUp, source: dict[str, object] | None) -> None:
    """Let the policy list a Tryton, called deals, whose changes are to be read."""
    document = yaml.safe_load(set_up.policy.read_text())
    document["systems"]["deals"] = {
        "kind": "tryton", "url": "http://127.0.0.1:1", "database": "crm", "user": "gateway", "password": "secret",
        "companies": {"US01": "Northwind"}, "operations": ["project.link"],
        "changes": {
            "source": SOURCE, "begins_on": "2026-11-01", "service_line": "advisory", "tax_profile": "standard",
            "country": "US",
        },
    }  # fmt: skip
    if source is not None:
        document["sources"][SOURCE] = source
    set_up.policy.write_text(yaml.safe_dump(document, sort_keys=False))


async def refused(set_up: SetUp, *arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(lambda: cli("read", *arguments, env=set_up.env))
    return result.exit_code, result.stderr


async def once(set_up: SetUp, system: str) -> tuple[int, str]:
    """As a program of its own: what one that reads sets up for its log would stay for the tests behind it."""
    process = program("read", system, "--once", env=set_up.env)
    _, err = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, err


async def test_a_system_that_is_not_listed(set_up: SetUp) -> None:
    code, err = await refused(set_up, "nowhere")
    assert code == Exit.NOT_FOUND
    assert "the policy file lists no system nowhere; it lists crm, psa, erp" in err


async def test_a_system_that_publishes_by_itself(set_up: SetUp) -> None:
    code, err = await refused(set_up, "crm")
    assert code == Exit.FAILED
    assert "systems.crm is of kind http, whose changes are not read" in err


async def test_a_source_that_the_policy_does_not_list(set_up: SetUp) -> None:
    with_tryton(set_up, None)
    code, err = await refused(set_up, "deals")
    assert code == Exit.FAILED
    assert f"systems.deals.changes.source: {SOURCE} is not under `sources`: add it there, with users [guest]" in err


async def test_a_user_and_types_that_the_source_does_not_allow(set_up: SetUp) -> None:
    with_tryton(set_up, {"users": ["crm"], "types": ["timesheet.*"]})
    code, err = await refused(set_up, "deals")
    assert code == Exit.FAILED
    assert f"sources.{SOURCE}.users: guest may not publish under it" in err
    assert f"sources.{SOURCE}.types: what is read of the system is customer.upserted" in err
    assert "add project.opportunity_won" in err


async def test_a_system_that_does_not_answer(set_up: SetUp) -> None:
    with_tryton(set_up, {"users": ["guest"], "types": ["customer.*", "project.*"]})
    code, err = await once(set_up, "deals")
    assert code == Exit.UNREACHABLE
    [last] = [line for line in err.splitlines() if line.startswith("tallystick: ")]
    assert last.endswith(": see what `tallystick system test` says of the system")


@pytest.mark.parametrize(
    ("since", "told"), [("yesterday", "write a time such as"), ("2999-01-01T00:00:00Z", "it lies ahead")]
)
async def test_a_time_that_is_none_or_lies_ahead(set_up: SetUp, since: str, told: str) -> None:
    code, err = await refused(set_up, "deals", "--since", since)
    assert code == Exit.USAGE
    assert told in err


def test_without_settings_each_variable_is_named() -> None:
    result = cli("read", "crm")
    assert result.exit_code == Exit.USAGE
    assert "TALLYSTICK_POLICY" in result.stderr


def told(stream: IO[str] | None, event: str) -> str:
    """The line of the log that has this event; all before it are read."""
    assert stream is not None
    seen: list[str] = []
    for line in stream:
        seen.append(line)
        if f'"event":"{event}"' in line.replace(" ", ""):
            return line
    raise AssertionError(seen)


async def test_it_tries_again_until_sigterm_which_ends_it_well(set_up: SetUp) -> None:
    with_tryton(set_up, {"users": ["guest"], "types": ["customer.*", "project.*"]})
    process = program("read", "deals", env=set_up.env)
    try:
        async with asyncio.timeout(60):
            assert "connect_failed" in await asyncio.to_thread(told, process.stderr, "reader_waits")
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
    finally:
        process.kill()
        _, rest = await asyncio.to_thread(process.communicate)
    assert '"clean":true' in rest.replace(" ", "")


async def test_a_process_that_stands_by_takes_over_from_one_that_was_killed(set_up: SetUp) -> None:
    with_tryton(set_up, {"users": ["guest"], "types": ["customer.*", "project.*"]})
    first, second = program("read", "deals", env=set_up.env), None
    try:
        async with asyncio.timeout(60):
            await asyncio.to_thread(told, first.stderr, "reader_holds")
            second = program("read", "deals", env=set_up.env)
            await asyncio.to_thread(told, second.stderr, "reader_stands_by")
            code, err = await once(set_up, "deals")
            assert (code, "another process reads deals" in err) == (Exit.CONFLICT, True)
            first.kill()
            await asyncio.to_thread(told, second.stderr, "reader_holds")
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                await asyncio.to_thread(process.communicate)
