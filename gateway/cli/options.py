"""Options that several commands share: how to print, which database, which broker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import click

from adapters.rabbitmq.address import parse_address

TABLE: Final = "table"
JSON: Final = "json"
JSONL: Final = "jsonl"
CSV: Final = "csv"

DATABASE_URL: Final = "TALLYSTICK_DATABASE_URL"
AMQP_URL: Final = "TALLYSTICK_AMQP_URL"
MANAGEMENT_URL: Final = "TALLYSTICK_MANAGEMENT_URL"
POLICY: Final = "TALLYSTICK_POLICY"

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


def output_option(command: F) -> F:
    """Add `-o table|json` as `output`. Given before the command's name, it holds for the command too."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice([TABLE, JSON]),
        callback=_or_from_above,
        help="How to print.  [default: table]",
    )(command)


def rows_option(command: F) -> F:
    """Add `-o table|json|jsonl|csv` as `output`, for a command that prints a list."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice([TABLE, JSON, JSONL, CSV]),
        callback=_or_from_above,
        help="How to print.  [default: table]",
    )(command)


def dry_run_option(command: F) -> F:
    """Add `--dry-run` as `dry_run`, before the command's name."""
    told = "Show what would be asked of the API to change, and ask nothing. A command that works without it refuses."
    return click.option("--dry-run", is_flag=True, help=told)(command)


def is_dry() -> bool:
    """Whether the command that runs was given `--dry-run`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.find_root().params.get("dry_run"))


def no_dry_run(command: F) -> F:
    """Let a command that changes something by itself refuse `--dry-run`. Stands next to the function."""

    @wraps(command)
    def refusing(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the command takes and answers
        if is_dry():
            raise click.UsageError(f"{click.get_current_context().info_name} has no dry run")
        return command(*given, **named)

    return cast("F", refusing)


def database_option(command: F) -> F:
    """Add `--database-url` as `database_url`; it is never shown."""
    return click.option(
        "--database-url",
        metavar="URL",
        callback=_database_url,
        help=f"The database.  [default: {DATABASE_URL}, or the file that {DATABASE_URL}_FILE names]",
    )(command)


def amqp_option(command: F) -> F:
    """Add `--amqp-url` as `amqp_url`, empty if nothing names a broker; it is never shown."""
    return click.option(
        "--amqp-url",
        metavar="URL",
        callback=_amqp_url,
        help=f"The broker.  [default: {AMQP_URL}, or the file that {AMQP_URL}_FILE names]",
    )(command)


def policy_option(command: F) -> F:
    """Add `--policy` as `policy`, the path of the policy file."""
    return click.option(
        "--policy",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_policy,
        help=f"The policy file.  [default: {POLICY}, or the path in the file that {POLICY}_FILE names]",
    )(command)


def optional_policy_option(command: F) -> F:
    """Add `--policy` as `policy`, for a command that can do without; None if nothing names a file."""
    return click.option(
        "--policy",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_policy_if_named,
        help=f"The policy file.  [default: {POLICY}, or the path in the file that {POLICY}_FILE names]",
    )(command)


def required_policy(policy: Path | None) -> Path:
    """The policy file, for a use that cannot do without. Raises `UsageError`."""
    if policy is None:
        raise click.UsageError(f"give --policy, or set {POLICY}")
    return policy


def required_broker(amqp_url: str) -> str:
    """The broker's URL, for a command that cannot do without. Raises `UsageError`."""
    if not amqp_url:
        raise click.UsageError(f"give --amqp-url, or set {AMQP_URL}")
    return amqp_url


def from_environment(variable: str) -> str | None:
    """The value of a variable, or what stands in the file that `…_FILE` names. Raises `UsageError`."""
    if value := os.environ.get(variable):
        return value
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{variable}_FILE: {path} cannot be read: {error}") from error


def check_database_url(url: str) -> str:
    """The URL, if it is one of PostgreSQL. Raises `ValueError` that does not repeat it: a password may be in it."""
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in {"postgresql", "postgres"} and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(
            "the database's URL must look like postgresql://user:password@host:5432/name, with special characters of "
            "the password percent-encoded"
        )
    return url


def check_amqp_url(url: str) -> str:
    """The URL, if it is one for AMQP. Raises `ValueError` that does not repeat it."""
    try:
        parts = urlsplit(url)
        is_right = parts.port is None or parts.port > 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(
            "the broker's URL must look like amqp://user:password@host:5672/vhost, with special characters of the "
            "password percent-encoded"
        )
    parse_address(url)
    return url


def _or_from_above(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    above = ctx.parent
    while value is None and above is not None:
        value = above.params.get("output")
        above = above.parent
    if value in (JSONL, CSV) and isinstance(param.type, click.Choice) and value not in param.type.choices:
        raise click.UsageError(f"{ctx.info_name} prints no list: choose {TABLE} or {JSON}")
    return value or TABLE


def _database_url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    url = _checked("--database-url", DATABASE_URL, value, check_database_url)
    if not url:
        raise click.UsageError(f"give --database-url, or set {DATABASE_URL}")
    return url


def _amqp_url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    return _checked("--amqp-url", AMQP_URL, value, check_amqp_url)


def _policy(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path:
    return required_policy(_policy_if_named(ctx, param, value))


def _policy_if_named(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    path = value or from_environment(POLICY)
    return Path(path) if path else None


def _checked(option: str, variable: str, value: str | None, check: Callable[[str], str]) -> str:
    url = value or from_environment(variable)
    try:
        return check(url) if url else ""
    except ValueError as error:
        raise click.UsageError(f"{option if value else variable}: {error}") from error


def read_changes(text: str) -> Mapping[str, object]:
    """What `--changes` says. Raises `UsageError`."""
    try:
        read = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--changes: it is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise click.UsageError('--changes: write a JSON object, such as {"tax_profile": "de"}')
    return read
