"""`tallystick read`: what changes in a system, published as events, for as long as it runs."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import uvloop

from gateway import app_reading, telemetry
from gateway.cli.checks.settings import mistakes
from gateway.cli.options import no_dry_run
from gateway.exits import Exit, Failed
from gateway.settings import SettingsInvalid, read_settings


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """A moment that has passed. Raises `BadParameter`."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("write a time such as 2026-11-01T00:00:00Z, or a day such as 2026-11-01") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment > datetime.now(UTC):
        raise click.BadParameter("it lies ahead: write a time that has passed")
    return moment


@click.command()
@click.argument("system")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option(
    "--since",
    metavar="TIME",
    callback=_moment,
    help="Where the first look begins; UTC unless it says so.  [default: where the last one ended, or `begins_on`]",
)
@no_dry_run
def read(system: str, once: bool, since: datetime | None) -> None:  # noqa: FBT001 - click hands flags over by name
    """Publish what changes in SYSTEM to RabbitMQ, until told to stop.

    SYSTEM is one of the policy file that has `changes`. How far it was read is kept in the database; one process at a
    time reads a system, and others wait until it ends. Uses the environment of `tallystick serve`.

    With --since everything that changed after TIME is read, also what was read before: the gateway knows what it has.
    What was not read yet is left out only if the system was never read.
    """
    settings = read_settings()
    wrong = mistakes(settings)
    if wrong:
        raise SettingsInvalid("\n".join(wrong))
    wanted = app_reading.wanted(settings, system, since)
    telemetry.configure(settings.log_level)
    if once:
        published = uvloop.run(app_reading.read_once(settings, wanted))
        click.echo(f"Published {published:,} events of {system}.")
        return
    if not uvloop.run(app_reading.read(settings, wanted)):
        raise Failed(Exit.FAILED, "the page in hand was not finished in time; it is published again")
