"""The table of commands, how errors end them, and that help comes at once."""

from __future__ import annotations

import resource
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from adapters.ports.broker import BrokerUnavailable
from adapters.ports.turns import StoreUnavailable
from adapters.postgres.migrations.upgrade import SchemaBehind
from gateway.cli.main import COMMANDS, Commands, main
from gateway.exits import ENDINGS, Exit, Failed, explain
from gateway.settings import SettingsInvalid
from gateway.system_policy import PolicyInvalid
from tests.gateway.cli.conftest import ROOT, cli


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_commands_say(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    # The overview may be shorter than the command's own words, yet begins as they do.
    assert command.get_short_help_str(limit=200).split()[:3] == COMMANDS[name].summary.split()[:3]


def test_help_lists_every_command_and_the_exit_codes() -> None:
    shown = cli("--help")
    assert shown.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"{name} " in shown.output
        assert entry.summary in shown.output
    codes = shown.output.partition("Exit codes:")[2]
    assert all(
        f"{code.value} {code.name.lower().replace('_', ' ')}" in codes for code in (Exit.UNHEALTHY, Exit.UNDER_WAY)
    )


def test_an_unknown_command_is_wrong_usage() -> None:
    assert cli("nonsense").exit_code == Exit.USAGE
    assert cli("event", "nonsense").exit_code == Exit.USAGE
    assert "Traceback" not in cli("nonsense").output


def test_the_release_is_printed() -> None:
    assert cli("--version").output.startswith("tallystick")


@pytest.mark.parametrize("name", ENDINGS)
def test_each_name_in_the_table_is_a_class(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)


def refused_password() -> Exception:
    refused = import_module("aiormq.exceptions").ProbableAuthenticationError("refused")
    unavailable = BrokerUnavailable("connect to amqp://broker: the broker refused user or password")
    unavailable.__cause__ = refused
    return unavailable


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SettingsInvalid("TALLYSTICK_POLICY: not set; set it"), Exit.USAGE, "TALLYSTICK_POLICY"),
        (PolicyInvalid("policy.yaml:3: x"), Exit.FAILED, "policy.yaml:3"),
        (SchemaBehind("run `tallystick db upgrade`"), Exit.CONFLICT, "db upgrade"),
        (StoreUnavailable("PostgreSQL: refused"), Exit.UNREACHABLE, "TALLYSTICK_DATABASE_URL"),
        (BrokerUnavailable("connect to amqp://x: refused"), Exit.UNREACHABLE, "TALLYSTICK_AMQP_URL"),
        (refused_password(), Exit.AUTH, "refused user or password: correct user, password"),
        (Failed(Exit.NOT_FOUND, "there is none"), Exit.NOT_FOUND, "there is none"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_known_error_is_one_message_and_a_code(error: Exception, code: Exit, words: str) -> None:
    ended = CliRunner().invoke(raising(error), ["raise"])
    assert ended.exit_code == code
    assert words in ended.stderr
    assert ended.stdout == ""


def test_an_unknown_error_stays_what_it_is() -> None:
    assert explain(KeyError("bug")) is None
    ended = CliRunner().invoke(raising(KeyError("bug")), ["raise"])
    assert isinstance(ended.exception, KeyError)
    assert ended.exit_code == 1


def raising(error: Exception) -> click.Group:
    """The program with one more command, which raises."""

    class WithOneMore(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return click.Command("raise", callback=fail)

    def fail() -> None:
        raise error

    return WithOneMore()


@pytest.mark.parametrize("arguments", [["-o", "json", "event", "types"], ["event", "types", "-o", "json"]])
def test_the_output_may_be_chosen_on_both_sides(arguments: list[str]) -> None:
    assert cli(*arguments).output.startswith("[")


def test_the_nearer_choice_of_output_holds() -> None:
    assert not cli("-o", "json", "event", "types", "-o", "table").output.startswith("[")


HEAVY = {"pydantic", "aiohttp", "asyncpg", "aiormq", "alembic", "sqlalchemy", "rich", "uvloop", "yaml", "structlog"}


def test_help_imports_no_library_and_comes_at_once() -> None:
    script = (
        "import sys\nfrom gateway.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\nprint(*sys.modules, file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert HEAVY & set(ended.stderr.split()) == set()
    # Processor time, since a busy machine says nothing about us.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3


def test_an_error_that_was_raised_from_itself_is_explained() -> None:
    error = StoreUnavailable("PostgreSQL: away")
    error.__cause__ = error
    explained = explain(error)
    assert explained is not None
    assert explained.reason == "PostgreSQL: away"
