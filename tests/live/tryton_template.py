"""A PostgreSQL cluster with two seeded Tryton databases, made once and unpacked for each run."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
import click

from gateway.local.account import Account
from gateway.local.folder import make_folder, remove_folder
from gateway.local.postgres import LocalPostgres
from gateway.local.postgres_programs import find_postgres
from gateway.local.process import run_program
from tests.live.built import built, readable, tar, untar
from tests.live.made import TrytonMade
from tests.live.place import HERE, fingerprint
from tests.live.tryton_programs import LOCK, TrytonPrograms

ROLES: Final = ("erp", "crm")
"""Names of the databases, and what each is seeded for."""

ADMIN_PASSWORD: Final = "admin-Secret-1"

_SEED: Final = HERE / "seed_tryton.py"
_MODULES: Final = ("project_invoice", "account_payment", "sale_opportunity")
_BUILD_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class TrytonTemplate:
    """A folder with the packed cluster, and with what the seeds made in each database."""

    folder: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster.tar"

    def made(self, role: str) -> TrytonMade:
        """The ids in the database of that role."""
        return TrytonMade.model_validate_json((self.folder / f"{role}.json").read_bytes())


def tryton_template(live: Path, programs: TrytonPrograms, account: Account) -> TrytonTemplate:
    """The template, built first where there is none of this lock file, seed, PostgreSQL, and year (two minutes).

    Raises `ServerMissing` without a PostgreSQL, and `ServerFailed` where Tryton's programs fail.
    """
    # Fiscal years are seeded for the calendar year in which the seed runs.
    year = str(datetime.now(UTC).year)
    kind = fingerprint(LOCK, _SEED, Path(__file__), find_postgres(account).origin, year)
    return TrytonTemplate(built(live / "tryton", "template", kind, lambda folder: _build(folder, programs, account)))


def unpack(template: TrytonTemplate, server: LocalPostgres, account: Account) -> None:
    """Give `server`, which has not run yet, the databases of the template."""
    untar(template.cluster, server.data.parent, account)


def write_configuration(path: Path, server: LocalPostgres, session_seconds: int) -> None:
    """What Tryton's programs must know of their databases; files that people attach go beside it."""
    uri = server.url.removesuffix("postgres")
    path.write_text(
        f"[database]\nuri = {uri}\npath = {path.parent / 'files'}\n[session]\ntimeout = {session_seconds}\n",
        encoding="utf-8",
    )


def tryton_environment(folder: Path) -> dict[str, str]:
    """All that Tryton's programs see of ours: nothing that could lead them to other databases."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TRYTOND_CONFIG": str(folder / "trytond.conf"),
    }


def _build(made: Path, programs: TrytonPrograms, account: Account) -> None:
    click.echo("Building the databases of Tryton; they are kept for the next run.")
    folder = make_folder("tryton", account)
    # Log files that are kept for later use would only make the template larger.
    server = LocalPostgres(durable=False, settings={"wal_recycle": "off"})
    try:
        server.start()
        write_configuration(folder / "trytond.conf", server, session_seconds=300)
        _activate(server, programs, folder, account)
        for role in ROLES:
            _execute(server, f"CREATE DATABASE {role} TEMPLATE bare")
            _run(
                [str(programs.python), str(readable(_SEED, folder)), role, role, str(folder / f"{role}.json")],
                folder,
                account,
            )
            shutil.copyfile(folder / f"{role}.json", made / f"{role}.json")
        _execute(server, "DROP DATABASE bare")
        server.stop()
        tar(server.data, made / "cluster.tar")
    finally:
        server.close()
        remove_folder(folder)


def _activate(server: LocalPostgres, programs: TrytonPrograms, folder: Path, account: Account) -> None:
    """A database with all modules, and nothing in it: both roles begin with it."""
    _execute(server, "CREATE DATABASE bare TEMPLATE template0")
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD)
    account.own(password)
    options = ["--database", "bare", "--email", "admin@example.invalid", "--activate-dependencies"]
    _run([*programs.admin, *options, "--update", *_MODULES], folder, account, {"TRYTONPASSFILE": str(password)})


def _run(argv: list[str], folder: Path, account: Account, also: dict[str, str] | None = None) -> None:
    environment = tryton_environment(folder) | (also or {})
    run_program(argv, environment=environment, folder=folder, account=account, seconds=_BUILD_SECONDS)


def _execute(server: LocalPostgres, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(server.url, timeout=30)
        try:
            await connection.execute(statement, timeout=60)
        finally:
            await connection.close(timeout=10)

    asyncio.run(execute())
