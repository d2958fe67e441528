"""What holds for every command there is: what a dry run does, how lists are printed, exit codes, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from gateway.cli.main import COMMANDS, main
from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, ROOT, cli

REF: Final = "8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f"
WHY: Final = ("--reason", "why")

ASKS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "lane retry": (("timesheet", "a/b", *WHY), 'POST /v1/lanes/timesheet/a%2Fb/retry {"reason": "why"'),
    "lane discard": (("timesheet", "T", "--head", REF, *WHY), "POST /v1/lanes/timesheet/T/discard"),
    "lane close-gap": (
        ("timesheet", "T", "--series", "urn:x", "--through", "2", *WHY), "POST /v1/lanes/timesheet/T/close-gap",
    ),
    "lane settle": (
        ("timesheet", "T", "--command", REF, "--attempts", "1", "--done", *WHY), "POST /v1/lanes/timesheet/T/settle",
    ),
    "lane pause": (("timesheet", "T", *WHY), "POST /v1/lanes/timesheet/T/pause"),
    "lane resume": (("timesheet", "T", *WHY), "POST /v1/lanes/timesheet/T/resume"),
    "pause begin": (("--everything", *WHY), 'POST /v1/pauses {"reason": "why", "everything": true}'),
    "pause end": (("3", *WHY), "DELETE /v1/pauses/3?reason=why"),
    "system pause": (("erp", *WHY), 'POST /v1/systems/erp/pause {"reason": "why"}'),
    "system resume": (("erp", *WHY), "POST /v1/systems/erp/resume"),
    "case approve": (("3", "--if-version", "1", *WHY), "POST /v1/cases/3/approve"),
    "case reject": (("3", "--if-version", "1", *WHY), "POST /v1/cases/3/reject"),
    "case retry": (("3", *WHY), "POST /v1/cases/3/retry"),
    "case edit-retry": (("3", "--if-version", "1", "--changes", "{}", *WHY), "POST /v1/cases/3/edit-retry"),
    "case cancel": (("3", "--if-version", "1", *WHY), "POST /v1/cases/3/cancel"),
    "case resolve": (("3", *WHY), "POST /v1/cases/3/resolve"),
    "case settle": (("3", "--if-version", "1", "--done", *WHY), "POST /v1/cases/3/settle"),
    "dead-letter retry": (("00", *WHY), "POST /v1/dead-letters/00/retry"),
    "dead-letter discard": (("00", *WHY), "POST /v1/dead-letters/00/discard"),
    "mapping reload": (WHY, 'POST /v1/mappings/reload {"reason": "why", "retry": true}'),
    "mapping rollback": (("0123456789ab", *WHY), "POST /v1/mappings/rollback"),
    "message edit": ((REF, "--changes", "{}", *WHY), f"POST /v1/messages/{REF}/edit"),
    "message force": ((REF, *WHY), f"POST /v1/messages/{REF}/force"),
    "replay plan": (WHY, "POST /v1/replays/plans"),
    "replay plan-sent": (
        ("erp", "--since", "2026-03-06T17:00:00Z", *WHY), 'POST /v1/replays/plans/sent {"reason": "why"',
    ),
    "replay start": (("token", "--name", "n", *WHY), "POST /v1/replays"),
    "replay pause": (("3", *WHY), "POST /v1/replays/3/pause"),
    "replay resume": (("3", *WHY), "POST /v1/replays/3/resume"),
    "replay cancel": (("3", *WHY), "POST /v1/replays/3/cancel"),
    "recon start": (("erp", "--from", "2026-01-01", "--through", "2026-01-31"), "POST /v1/reconciliations"),
    "apikey make": (("export", "--permission", "read", *WHY), "POST /v1/api-keys"),
    "apikey revoke": (("3", *WHY), "DELETE /v1/api-keys/3?reason=why"),
    "approval give": (("0a", *WHY), 'POST /v1/approvals/0a {"reason": "why"}'),
    "recon cancel": (("3", *WHY), "POST /v1/reconciliations/3/cancel"),
}  # fmt: skip
"""Commands that ask the API for a change: with which arguments, and how what they would ask begins."""

LOOK_FIRST: Final = {"case assign", "case note", "message undiscard", "recon plan", "binding import"}
"""The same of commands that look at something first, or have a dry run of their own, which tests of theirs show."""

REFUSES: Final[dict[str, tuple[str, ...]]] = {
    "serve": (), "demo": (), "sandbox": (), "publish": ("FILE",), "read": ("erp",), "db upgrade": (),
    "topology apply": (), "caller add": ("ann",), "kpi rebuild": (), "restore declare": WHY, "restore release": WHY,
    "restore end": WHY,
}  # fmt: skip
"""Commands that change something by themselves."""

LOOKS: Final = {
    "status", "top", "me", "doctor", "completion", "event types", "event example", "event schema", "event validate",
    "event uses", "apikey list", "message list", "message show", "message payload", "lane list", "lane show",
    "pause list", "dead-letter list", "dead-letter show", "dead-letter payload", "entity show", "case list",
    "case groups", "case show", "kpi list", "kpi show", "audit list", "audit head", "audit verify", "caller list",
    "system list", "system show", "system test", "system schema", "binding list", "binding export", "recon list",
    "recon show", "recon compare", "replay list", "replay show", "replay items", "replay watch", "policy check",
    "policy schema", "mapping list", "mapping preview", "docs openapi", "docs asyncapi", "docs schema", "docs events",
    "docs api", "docs problems", "docs runbook", "db check", "db sql", "restore show", "topology show",
}  # fmt: skip
"""Commands that change nothing."""


def leaves() -> Iterator[str]:
    """Every command, by its names."""
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {below}" for below in command.commands)
        else:
            yield name


def test_of_each_command_it_is_said_what_a_dry_run_does() -> None:
    assert set(leaves()) == {*LOOKS, *ASKS, *LOOK_FIRST, *REFUSES}


@pytest.mark.parametrize("command", ASKS)
def test_what_would_be_asked_is_shown_and_not_asked(command: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token")
    given, begins = ASKS[command]
    env = {"TALLYSTICK_URL": f"http://{NOBODY}", "TALLYSTICK_TOKEN_FILE": str(token)}
    told = cli("--dry-run", *command.split(), *given, env=env)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(begins)
    assert "Nothing was sent" in told.stderr
    assert cli(*command.split(), *given, env=env).exit_code == Exit.UNREACHABLE


@pytest.mark.parametrize("command", REFUSES)
def test_what_works_without_the_api_refuses(command: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    given = [str(file) if each == "FILE" else each for each in REFUSES[command]]
    env = {
        "TALLYSTICK_DATABASE_URL": "postgresql://127.0.0.1:1/none", "TALLYSTICK_AMQP_URL": "amqp://127.0.0.1:1/",
        "TALLYSTICK_CALLERS_FILE": str(file),
    }  # fmt: skip
    told = cli("--dry-run", *command.split(), *given, env=env)
    assert (told.exit_code, "has no dry run" in told.stderr) == (Exit.USAGE, True)


LISTS: Final = {"list", "groups", "items", "types"}


@pytest.mark.parametrize("command", [each for each in leaves() if each.split()[-1] in LISTS])
def test_every_list_is_printed_in_every_way(command: str) -> None:
    group, name = command.split()
    found = main.get_command(click.Context(main), group)
    assert isinstance(found, click.Group)
    [output] = [each for each in found.commands[name].params if each.name == "output"]
    assert isinstance(output.type, click.Choice)
    assert list(output.type.choices) == ["table", "json", "jsonl", "csv"]


def test_the_way_may_be_chosen_for_all_and_what_is_no_list_says_so() -> None:
    assert cli("-o", "csv", "event", "types").stdout.startswith("type,routing key,meaning")
    assert cli("-o", "jsonl", "event", "types").stdout.startswith('{"type":')
    told = cli("-o", "csv", "doctor")
    assert (told.exit_code, "prints no list" in told.stderr) == (Exit.USAGE, True)


def test_the_page_has_every_exit_code() -> None:
    table = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8").partition("## Exit codes")[2]
    codes = {int(row.split("|")[1]) for row in table.splitlines() if row.startswith("| ") and row[2].isdigit()}
    assert codes == {code.value for code in Exit}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_printed(shell: str) -> None:
    told = cli("completion", shell)
    assert told.exit_code == 0
    assert f"_TALLYSTICK_COMPLETE={shell}_complete" in told.stdout


@pytest.mark.parametrize(
    ("words", "expect"),
    [("tallystick sta", "status"), ("tallystick lane ret", "retry"), ("tallystick case list --own", "--owner")],
)
def test_it_completes_commands_and_options(words: str, expect: str) -> None:
    env = {
        **os.environ, "_TALLYSTICK_COMPLETE": "bash_complete", "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }  # fmt: skip
    script = "from gateway.cli.main import main; main(prog_name='tallystick')"
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30
    )
    assert f"plain,{expect}" in ended.stdout.splitlines()
