"""`tallystick restore`: what to do after the database was restored to an earlier point; see docs/restore.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from getpass import getuser
from typing import Any, Final, TypeVar

import click
import uvloop

from adapters.ports.restores import Found, Phase, Restore, Restores
from adapters.postgres.restores import PostgresRestores
from gateway.cli.options import JSON, database_option, no_dry_run, output_option
from gateway.cli.output import show_json, show_table
from gateway.http.restores import told_restore

LONGEST: Final = 1000

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


def _text(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    """One printable line that says something."""
    if value is None:
        return ""
    if not value.strip() or len(value) > LONGEST or not value.isprintable():
        raise click.BadParameter(f"write 1 to {LONGEST} characters without control characters")
    return value


@click.group()
def restore() -> None:
    """Go on after the database was restored to an earlier point.

    Works on the database itself, so also while no gateway runs.
    """


def _act_options(command: F) -> F:
    """Add `--reason` and `--actor`, which go into the audit."""
    actor = click.option("--actor", callback=_text, help="Who does it.  [default: the user of this session]")
    reason = click.option("--reason", required=True, callback=_text, help="Why; kept in the audit.")
    return database_option(reason(actor(command)))


@restore.command()
@click.option(
    "--since",
    metavar="TIME",
    callback=lambda _ctx, _param, value: _point(value),
    help="The point that it was restored to, such as 2026-03-06T17:00:00Z.  Needed unless a restore stands open.",
)
@_act_options
@output_option
@no_dry_run
def declare(database_url: str, since: datetime | None, reason: str, actor: str, output: str) -> None:
    """Hold every command back; messages are still taken. Sources are asked to publish again.

    An earlier TIME than the true one is safe, a later one is not.
    """

    async def act(restores: Restores) -> Restore:
        newest = (await restores.look()).newest
        if since is None and (newest is None or newest.phase is Phase.ENDED):
            raise click.UsageError("give --since: the point that the database was restored to, or an earlier one")
        point = since if since is not None or newest is None else newest.since
        return await restores.declare(since=point, found=Found.DECLARED, actor=actor or getuser(), reason=reason)

    _show(_on(database_url, act), output)


@restore.command()
@_act_options
@output_option
@no_dry_run
def release(database_url: str, reason: str, actor: str, output: str) -> None:
    """Let commands be sent again, each after its system was asked whether it has the effect already.

    Before that, see that no gateway process of before the restore runs any more.
    """
    _show(_on(database_url, lambda restores: restores.release(actor=actor or getuser(), reason=reason)), output)


@restore.command()
@_act_options
@output_option
@no_dry_run
def end(database_url: str, reason: str, actor: str, output: str) -> None:
    """Say that sources have published again, and the queues are empty: what comes from now on is new.

    What stands open goes on asking.
    """
    _show(_on(database_url, lambda restores: restores.end(actor=actor or getuser(), reason=reason)), output)


@restore.command()
@database_option
@output_option
def show(database_url: str, output: str) -> None:
    """Print the newest restore, if there was one."""
    newest = _on(database_url, lambda restores: restores.look()).newest
    if newest is None and output != JSON:
        click.echo("There was no restore.")
    else:
        _show(newest, output)


def _on(database_url: str, act: Callable[[Restores], Awaitable[T]]) -> T:
    async def done() -> T:
        restores = PostgresRestores(database_url)
        try:
            return await act(restores)
        finally:
            await restores.close()

    return uvloop.run(done())


def _show(found: Restore | None, output: str) -> None:
    told = None if found is None else told_restore(found)
    if output == JSON or told is None:
        show_json(told)
    else:
        show_table(["restore", ""], [(name, str(value)) for name, value in told.items() if value is not None])


def _point(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        point = datetime.fromisoformat(value)
    except ValueError:
        point = None
    if point is None or point.tzinfo is None:
        raise click.BadParameter("write a time with its zone, such as 2026-03-06T17:00:00Z")
    return point
