"""`tallystick serve`: the gateway as a process; what it cannot start with is one plain message."""

from __future__ import annotations

import errno

import click
import uvloop

from gateway import app, telemetry
from gateway.cli.checks.settings import mistakes
from gateway.cli.options import no_dry_run
from gateway.exits import Exit, Failed
from gateway.settings import SettingsInvalid, read_settings

_CANNOT_LISTEN = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}


@click.command()
@no_dry_run
def serve() -> None:
    """Run the gateway until it is told to stop.

    Everything is set by the environment (TALLYSTICK_DATABASE_URL, TALLYSTICK_AMQP_URL, TALLYSTICK_POLICY, …), which
    `tallystick doctor` checks. SIGTERM and SIGINT let it finish what is in flight; it ends with 1 if that took too
    long, and then nothing is lost: what was not finished is delivered again.
    """
    settings = read_settings()
    wrong = mistakes(settings)
    if wrong:
        raise SettingsInvalid("\n".join(wrong))
    telemetry.configure(settings.log_level)
    try:
        clean = uvloop.run(app.serve(settings))
    except OSError as error:
        if error.errno not in _CANNOT_LISTEN:
            raise
        raise Failed(Exit.FAILED, f"{error}: change TALLYSTICK_API_BIND or TALLYSTICK_OPS_BIND") from error
    if not clean:
        raise Failed(Exit.FAILED, "not everything in flight was finished in time; it is delivered again")
