"""Gets what the live tests need onto this machine, once: `python -m tests.live.install`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import click

from gateway.local.account import Account, unprivileged
from gateway.local.debian import may_install
from gateway.local.errors import ServerFailed, ServerMissing
from gateway.local.postgres_programs import find_postgres
from tests.live.place import live_folder
from tests.live.redmine_programs import has_redmine, redmine_programs
from tests.live.redmine_template import redmine_template
from tests.live.tryton_programs import has_tryton, tryton_programs
from tests.live.tryton_template import tryton_template

ALLOW_NO_LIVE: Final = "ALLOW_NO_LIVE"
TRYTON: Final = "Tryton"
REDMINE: Final = "Redmine"
CANNOT_BE_HAD: Final = 3
"""Exit code where a system is missing and nobody said that the rest may be tested without it."""

Install = Callable[[], str]
"""Makes a system ready and says which one it is. Raises `ServerMissing` or `ServerFailed`."""


@dataclass(slots=True)
class Had:
    """What came of an installation, by the name of the system: which one there is, or why it cannot be had."""

    there: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


@click.command()
def main() -> None:
    """Install Tryton and Redmine where they are missing, seed their databases, and say what there is.

    Ends with 3 where one of them cannot be had here, and with 1 where it is there and does not work. With
    ALLOW_NO_LIVE=1 one that cannot be had is told after NOT PROVED, and the end is 0.
    """
    account = unprivileged()
    try:
        folder = live_folder(os.environ, account)
        had = install({REDMINE: partial(_redmine, folder, account), TRYTON: partial(_tryton, folder, account)})
    except ServerFailed as failed:
        raise click.ClickException(str(failed)) from None
    for name, origin in had.there.items():
        click.echo(f"{name}: {origin}")
    for line in told(had, os.environ):
        click.echo(line)
    if had.missing and not may_be_missing(os.environ):
        raise SystemExit(CANNOT_BE_HAD)


def install(systems: Mapping[str, Install]) -> Had:
    """Make all ready side by side; one that cannot be had keeps no other from it. Raises `ServerFailed`."""
    had = Had()
    with ThreadPoolExecutor(len(systems)) as beside:
        making = {name: beside.submit(make_ready) for name, make_ready in systems.items()}
    for name, made in making.items():
        try:
            had.there[name] = made.result()
        except ServerMissing as missing:
            had.missing[name] = str(missing)
    return had


def told(had: Had, environment: Mapping[str, str]) -> list[str]:
    """What to say of the systems that cannot be had."""
    leave = "" if may_install() else " As root on Debian this command installs it by itself."
    if may_be_missing(environment):
        return [
            f"NOT PROVED: there is no {name}, and {ALLOW_NO_LIVE}=1; tests on it will not run. {why}{leave}"
            for name, why in had.missing.items()
        ]
    return [
        f"Error: {name} cannot be had. {why}{leave} {ALLOW_NO_LIVE}=1 runs what needs no {name}."
        for name, why in had.missing.items()
    ]


def may_be_missing(environment: Mapping[str, str]) -> bool:
    """Whether somebody said that the rest may be tested without a system that cannot be had."""
    return environment.get(ALLOW_NO_LIVE) == "1"


def goes_without(environment: Mapping[str, str]) -> frozenset[str]:
    """The systems that are not there and may be missing. Installs nothing."""
    if not may_be_missing(environment):
        return frozenset()
    account = unprivileged()
    folder = live_folder(environment, account)
    there = {TRYTON: _has_postgres(account) and has_tryton(folder, account), REDMINE: has_redmine()}
    return frozenset(name for name, is_there in there.items() if not is_there)


def _tryton(folder: Path, account: Account) -> str:
    find_postgres(account)  # it needs one, and must not be downloaded for nothing
    programs = tryton_programs(folder, account)
    tryton_template(folder, programs, account)
    return programs.origin


def _redmine(folder: Path, account: Account) -> str:
    programs = redmine_programs()
    redmine_template(folder, programs, account)
    return programs.origin


def _has_postgres(account: Account) -> bool:
    try:
        find_postgres(account)
    except ServerMissing:
        return False
    return True


if __name__ == "__main__":
    main()
