"""Makes sure that the tests can have real servers: finds them, or installs them on Debian when we are root."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

import click

from gateway.local.account import unprivileged
from gateway.local.debian import install_packages, may_install
from gateway.local.errors import ServerFailed, ServerMissing
from gateway.local.postgres import DATABASE_URL
from gateway.local.postgres_programs import find_postgres
from gateway.local.rabbitmq_programs import find_rabbitmq

ALLOW_NO_RABBITMQ: Final = "ALLOW_NO_RABBITMQ"


@click.command()
def main() -> None:
    """Find PostgreSQL and RabbitMQ, install what is missing where we may, and say what there is."""
    environment = os.environ
    missing = [package for package, is_there in _needed(environment).items() if not is_there]
    try:
        if missing and may_install():
            _install(missing)
        click.echo(f"PostgreSQL: {postgres_origin(environment)}")
        if goes_without_rabbitmq(environment):
            click.echo(f"NOT PROVED: there is no RabbitMQ, and {ALLOW_NO_RABBITMQ}=1; tests on it will not run.")
        else:
            click.echo(f"RabbitMQ: {rabbitmq_origin()}")
    except (ServerMissing, ServerFailed) as error:
        raise click.ClickException(str(error)) from None


def postgres_origin(environment: Mapping[str, str]) -> str:
    """Which PostgreSQL the tests get. Raises `ServerMissing`."""
    return DATABASE_URL if environment.get(DATABASE_URL) else find_postgres(unprivileged()).origin


def rabbitmq_origin() -> str:
    """Which RabbitMQ the tests get: a private node always, since they make users and virtual hosts.

    Raises `ServerMissing`.
    """
    try:
        return find_rabbitmq(unprivileged()).origin
    except ServerMissing:
        raise ServerMissing(
            "The tests need the programs of RabbitMQ, to run a private node, and there are none. Install them "
            "(Debian: apt-get install rabbitmq-server; macOS: brew install rabbitmq), or set "
            f"{ALLOW_NO_RABBITMQ}=1 to run what needs no RabbitMQ."
        ) from None


def goes_without_rabbitmq(environment: Mapping[str, str]) -> bool:
    """Whether there is no RabbitMQ, and somebody said that the rest may be tested without it."""
    return environment.get(ALLOW_NO_RABBITMQ) == "1" and not _is_there(rabbitmq_origin)


def _needed(environment: Mapping[str, str]) -> dict[str, bool]:
    """Debian's package of each server that is wanted, and whether the server is there already."""
    needed = {"postgresql": _is_there(lambda: postgres_origin(environment))}
    if environment.get(ALLOW_NO_RABBITMQ) != "1":
        needed["rabbitmq-server"] = _is_there(rabbitmq_origin)
    return needed


def _is_there(origin: Callable[[], str]) -> bool:
    try:
        origin()
    except ServerMissing:
        return False
    return True


def _install(packages: list[str]) -> None:
    click.echo(
        f"Installing {' and '.join(packages)} with apt-get. Its service is not started now; it will be at a boot."
    )
    install_packages(packages)


if __name__ == "__main__":
    main()
