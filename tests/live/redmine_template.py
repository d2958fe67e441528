"""A copy of Redmine with a seeded database, made once and unpacked for each run."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gateway.local.account import Account
from gateway.local.folder import make_folder, remove_folder
from gateway.local.process import run_program
from tests.live.built import built, readable, tar
from tests.live.made import RedmineMade
from tests.live.place import HERE, fingerprint
from tests.live.redmine_programs import RedminePrograms

TREE: Final = "redmine"
"""Folder in the packed file: the code, with all that Redmine writes in it."""

DATABASE: Final = "instances/default/redmine.sqlite"

_SEED: Final = HERE / "seed_redmine.rb"
_BUILD_SECONDS: Final = 300.0
_DATABASE_YML: Final = f"production:\n  adapter: sqlite3\n  database: {DATABASE}\n  timeout: 10000\n"


@dataclass(frozen=True, slots=True)
class RedmineTemplate:
    """A folder with the packed copy, and with what the seed made in it."""

    folder: Path

    @property
    def packed(self) -> Path:
        return self.folder / "redmine.tar"

    @property
    def made(self) -> RedmineMade:
        """The ids and keys in the database."""
        return RedmineMade.model_validate_json((self.folder / "made.json").read_bytes())


def redmine_template(live: Path, programs: RedminePrograms, account: Account) -> RedmineTemplate:
    """The template, built first where there is none of this version and seed (half a minute).

    Raises `ServerFailed` where Redmine's programs fail.
    """
    kind = fingerprint(_SEED, Path(__file__), programs.version)
    return RedmineTemplate(built(live / "redmine", "template", kind, lambda folder: _build(folder, programs, account)))


def redmine_environment(folder: Path, programs: RedminePrograms) -> dict[str, str]:
    """All that Redmine's programs see of ours."""
    return programs.environment | {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "RAILS_ENV": "production",
        "RACK_ENV": "production",
    }


def _build(made: Path, programs: RedminePrograms, account: Account) -> None:
    click.echo("Building the database of Redmine; it is kept for the next run.")
    folder = make_folder("redmine", account)
    tree = folder / TREE

    def run(*argv: str) -> None:
        where = tree if tree.exists() else folder
        environment = redmine_environment(folder, programs) | {"REDMINE_LANG": "en"}
        run_program(argv, environment=environment, folder=where, account=account, seconds=_BUILD_SECONDS)

    try:
        run("cp", "--recursive", str(programs.code), TREE)
        _detach(tree, account)
        run("bundle", "exec", "rake", "db:migrate", "redmine:load_default_data")
        run("bundle", "exec", "rails", "runner", str(readable(_SEED, folder)), str(folder / "made.json"))
        shutil.copyfile(folder / "made.json", made / "made.json")
        tar(tree, made / "redmine.tar")
    finally:
        remove_folder(folder)


def _detach(tree: Path, account: Account) -> None:
    """Replace Debian's links into /etc and /var by files of our own: what the machine's Redmine has is not ours."""
    for link in ("instances", "Gemfile.lock", "config/database.yml"):
        (tree / link).unlink(missing_ok=True)
    instance = tree / "instances" / "default"
    folders = [instance, *(instance / name for name in ("config", "log", "tmp", "files"))]
    for folder in folders:
        folder.mkdir(parents=True)
    files = {
        # The Gemfile asks for the drivers of the databases of the machine's Redmine; this one is ours.
        tree / "Gemfile.local": "gem 'sqlite3'\n",
        instance / "config" / "database.yml": _DATABASE_YML,
        instance / "config" / "secret_key.txt": secrets.token_hex(32),
    }
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    account.own(instance.parent, *folders, *files)
