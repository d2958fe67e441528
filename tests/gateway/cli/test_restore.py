"""`tallystick restore` on a real database."""

from __future__ import annotations

import orjson

from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, cli


def test_declare_release_end(database_url: str) -> None:
    env = {"TALLYSTICK_DATABASE_URL": database_url}
    assert cli("restore", "show", env=env).stdout == "There was no restore.\n"
    since = ("--since", "2026-03-06T17:00:00+01:00")
    declared = cli("-o", "json", "restore", "declare", *since, "--reason", "noon", "--actor", "ann", env=env)
    told = orjson.loads(declared.stdout)
    assert (told["phase"], told["declared_by"], told["reason"]) == ("held", "ann", "noon")
    assert told["since"] == "2026-03-06T16:00:00+00:00"
    assert orjson.loads(cli("-o", "json", "restore", "show", env=env).stdout) == told
    again = cli("-o", "json", "restore", "declare", "--reason", "again", env=env)
    assert orjson.loads(again.stdout)["since"] == told["since"]
    assert "released" in cli("restore", "release", "--reason", "checked", env=env).stdout
    assert "ended" in cli("restore", "end", "--reason", "checked", env=env).stdout
    assert "ended" in cli("restore", "show", env=env).stdout


def test_another_phase_is_a_conflict(database_url: str) -> None:
    env = {"TALLYSTICK_DATABASE_URL": database_url}
    refused = cli("restore", "release", "--reason", "checked", env=env)
    assert refused.exit_code == Exit.CONFLICT
    assert "declare one first" in refused.stderr
    future = cli("restore", "declare", "--since", "2999-01-01T00:00:00Z", "--reason", "x", env=env)
    assert future.exit_code == Exit.CONFLICT
    assert "future" in future.stderr


def test_wrong_usage_says_what_to_change(database_url: str) -> None:
    env = {"TALLYSTICK_DATABASE_URL": database_url}
    for arguments, advice in (
        (("declare",), "--reason"),
        (("declare", "--reason", " "), "1 to 1000 characters"),
        (("declare", "--reason", "x"), "give --since"),
        (("declare", "--reason", "x", "--since", "noon"), "with its zone"),
        (("declare", "--reason", "x", "--since", "2026-03-06T17:00:00"), "with its zone"),
    ):
        refused = cli("restore", *arguments, env=env)
        assert refused.exit_code == Exit.USAGE
        assert advice in refused.stderr
    assert cli("restore", "show", "--database-url", f"postgresql://u@{NOBODY}/x").exit_code == Exit.UNREACHABLE
