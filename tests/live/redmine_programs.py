"""Redmine's programs: Debian's packages, of which the servers use copies."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gateway.local.debian import install_packages, may_install
from gateway.local.errors import ServerMissing

ADVICE: Final = (
    "Redmine was not found. The live tests run Debian's: apt-get install --no-install-recommends redmine "
    "redmine-sqlite ruby-sqlite3 puma. Other systems have no package of it; use a container of Debian 12 there."
)

_NEEDED: Final = ("redmine", "ruby-sqlite3", "puma")
_CODE: Final = Path("/usr/share/redmine")


@dataclass(frozen=True, slots=True)
class RedminePrograms:
    """Redmine's code, and Debian's version of it: `5.0.4-5+deb12u1`."""

    code: Path
    version: str

    @property
    def origin(self) -> str:
        return f"Redmine {self.version} of {self.code}"


def redmine_programs() -> RedminePrograms:
    """The packages, installed first where they are missing and we may (half a minute). Raises `ServerMissing`."""
    missing = [package for package in _NEEDED if package not in _installed()]
    if missing and may_install():
        if "redmine" in missing:
            missing.append("redmine-sqlite")  # one of its databases must be chosen
        click.echo(f"Installing {', '.join(missing)} with apt-get. No service is started.")
        install_packages(missing)
    if not has_redmine():
        raise ServerMissing(ADVICE)
    return RedminePrograms(_CODE, _installed()["redmine"])


def has_redmine() -> bool:
    """Whether the packages are there; installs nothing."""
    installed = _installed()
    return all(package in installed for package in _NEEDED) and _CODE.exists()


def _installed() -> dict[str, str]:
    """Version of each needed package that is there."""
    if shutil.which("dpkg-query") is None:
        return {}
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\n", *_NEEDED],  # noqa: S607 - the system's own
        check=False,  # it fails where one is unknown, and still lists the others
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"LC_ALL": "C"},
    )
    lines = [line.split(" ", 2) for line in listed.stdout.splitlines()]
    return {package: version for status, package, version in lines if status == "installed"}
