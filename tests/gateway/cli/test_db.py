"""`tallystick db` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, cli


def test_check_upgrade_check(empty_database_url: str) -> None:
    env = {"TALLYSTICK_DATABASE_URL": empty_database_url}
    behind = cli("db", "check", env=env)
    assert behind.exit_code == Exit.CONFLICT
    assert "tallystick db upgrade" in behind.stderr
    assert cli("db", "upgrade", env=env).exit_code == 0
    assert "revision" in cli("db", "check", env=env).stdout
    # Again is harmless
    assert cli("db", "upgrade", env=env).exit_code == 0


async def test_a_database_of_another_build_is_made_anew(empty_database_url: str) -> None:
    # Given a database that another build has made under the same revision
    env = {"TALLYSTICK_DATABASE_URL": empty_database_url}
    assert (await asyncio.to_thread(cli, "db", "upgrade", env=env)).exit_code == 0
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("COMMENT ON TABLE tallystick_version IS 'of another build'")
    finally:
        await connection.close()
    # Then nobody takes it for this build's, and there is no upgrade of it
    for command in ("check", "upgrade"):
        foreign = await asyncio.to_thread(cli, "db", command, env=env)
        assert (foreign.exit_code, "made by another build" in foreign.stderr) == (Exit.CONFLICT, True)
        assert "docs/operating.md" in foreign.stderr
    assert "made by another build" in (await asyncio.to_thread(cli, "doctor", env=env)).stdout


def test_the_sql_is_printed_without_a_database() -> None:
    shown = cli("db", "sql")
    assert shown.exit_code == 0
    assert "CREATE TABLE tallystick.inbox" in shown.stdout
    assert "COMMENT ON TABLE tallystick_version IS" in shown.stdout, "a database made by hand says by which SQL, too"


@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_a_database_that_is_down_is_unreachable(command: str) -> None:
    shown = cli("db", command, "--database-url", f"postgresql://u:geheim@{NOBODY}/x")
    assert shown.exit_code == Exit.UNREACHABLE
    assert "start PostgreSQL, or correct TALLYSTICK_DATABASE_URL" in shown.stderr
    assert "geheim" not in shown.output


@pytest.mark.parametrize("command", ["check", "upgrade"])
def test_a_database_that_is_not_there_is_not_found(command: str, database_url: str) -> None:
    url = urlsplit(database_url)._replace(path="/nowhere").geturl()
    shown = cli("db", command, "--database-url", url)
    assert shown.exit_code == Exit.NOT_FOUND
    assert "create the database" in shown.stderr


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://u:gehe/im@host/x", "nothing", "postgresql://h:99999/x"])
def test_a_wrong_url_is_told_and_not_repeated(url: str) -> None:
    for shown in (
        cli("db", "check", "--database-url", url),
        cli("db", "check", env={"TALLYSTICK_DATABASE_URL": url}),
    ):
        assert shown.exit_code == Exit.USAGE
        assert "must look like postgresql://" in shown.stderr
        assert "gehe" not in shown.output


def test_without_a_url_the_variable_is_named() -> None:
    shown = cli("db", "upgrade")
    assert shown.exit_code == Exit.USAGE
    assert "TALLYSTICK_DATABASE_URL" in shown.stderr


def test_the_url_may_stand_in_a_file(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("secrets") / "url"
    missing = cli("db", "check", env={"TALLYSTICK_DATABASE_URL_FILE": str(file)})
    assert missing.exit_code == Exit.USAGE
    assert str(file) in missing.stderr
    file.write_text(f"{database_url}\n")
    assert cli("db", "check", env={"TALLYSTICK_DATABASE_URL_FILE": str(file)}).exit_code == 0
