"""`tallystick db`: bring the database's schema up to date, check it, or print the SQL."""

from __future__ import annotations

import click
import uvloop

from adapters.postgres.migrations.upgrade import check, head, script, upgrade
from gateway.cli.database import asking_database
from gateway.cli.options import database_option, no_dry_run


@click.group()
def db() -> None:
    """Bring the database's schema up to date."""


@db.command("upgrade")
@database_option
@no_dry_run
def upgrade_schema(database_url: str) -> None:
    """Apply what is missing. Safe to run at any time, and from several places at once."""
    with asking_database():
        upgrade(database_url)
        uvloop.run(check(database_url))
    click.echo(f"The database has revision {head()}.")


@db.command("check")
@database_option
def check_schema(database_url: str) -> None:
    """Say whether the schema is the one that this release needs; code 5 if it is not."""
    with asking_database():
        uvloop.run(check(database_url))
    click.echo(f"The database has revision {head()}, as this release needs it.")


@db.command("sql")
def print_sql() -> None:
    """Print the SQL of all revisions, for those who apply it by hand."""
    click.echo(script(), nl=False)
