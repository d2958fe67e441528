"""Keeps the live systems up until Ctrl-C, to look at: `python -m tests.live`."""

from __future__ import annotations

import signal

import click

from tests.live.redmine import LocalRedmine
from tests.live.seeded import password
from tests.live.tryton import LocalTryton
from tests.live.tryton_template import ROLES


@click.command()
def main() -> None:
    """Start Tryton and Redmine with fresh data, print how to reach them, and stop them at Ctrl-C or SIGTERM."""
    with LocalTryton() as tryton, LocalRedmine() as redmine:
        click.echo(f"{tryton.origin}")
        for role in ROLES:
            click.echo(f"  {role}: JSON-RPC {tryton.url}/{role}/rpc/  psql {tryton.database_url(role)}")
            click.echo(f"    made: {tryton.made(role).model_dump_json()}")
        click.echo(
            f"  passwords: gateway {password('gateway')}, limited {password('limited')}, admin {password('admin')}"
        )
        click.echo(f"{redmine.origin}")
        click.echo(f"  {redmine.url}  sqlite3 {redmine.database}")
        click.echo(f"    made: {redmine.made.model_dump_json()}")
        click.echo(f"  passwords: admin {password('admin')}, ann {password('ann')}, ben {password('ben')}")
        click.echo("Ctrl-C ends them and removes their data.")
        # Only now: the servers would inherit what is blocked. Before, a signal ends us, and their guards end them.
        ends = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
