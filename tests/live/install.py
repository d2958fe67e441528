"""Gets what the live tests need onto this machine, once: `python -m tests.live.install`."""

from __future__ import annotations

import os

import click

from gateway.local.account import unprivileged
from gateway.local.debian import may_install
from gateway.local.errors import ServerFailed, ServerMissing
from gateway.local.postgres_programs import find_postgres
from tests.live.place import live_folder
from tests.live.redmine_programs import redmine_programs
from tests.live.redmine_template import redmine_template
from tests.live.tryton_programs import tryton_programs
from tests.live.tryton_template import tryton_template


@click.command()
def main() -> None:
    """Install Tryton and Redmine where they are missing, seed their databases, and say what there is."""
    account = unprivileged()
    try:
        folder = live_folder(os.environ, account)
        click.echo(f"PostgreSQL: {find_postgres(account).origin}")
        redmine = redmine_programs()
        tryton = tryton_programs(folder, account)
        redmine_template(folder, redmine, account)
        tryton_template(folder, tryton, account)
    except ServerMissing as missing:
        leave = "" if may_install() else " As root on Debian this command installs it by itself."
        raise click.ClickException(f"{missing}{leave}") from None
    except ServerFailed as failed:
        raise click.ClickException(str(failed)) from None
    click.echo(f"ERP and CRM: {tryton.origin}")
    click.echo(f"PSA: {redmine.origin}")


if __name__ == "__main__":
    main()
