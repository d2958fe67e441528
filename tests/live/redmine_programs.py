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

_BUNDLER: Final = "ruby-bundler"
_NEEDED: Final = (_BUNDLER, "redmine", "ruby-sqlite3", "puma")
_CODE: Final = Path("/usr/share/redmine")


@dataclass(frozen=True, slots=True)
class RedminePrograms:
    """Redmine's code, Debian's version of it: `5.0.4-5+deb12u1`, and the version of Debian's own Bundler: `2.3.15`."""

    code: Path
    version: str
    bundler: str

    @property
    def origin(self) -> str:
        return f"Redmine {self.version} of {self.code}"

    @property
    def environment(self) -> dict[str, str]:
        """What its programs must be told."""
        return _with_bundler(self.bundler)


def redmine_programs() -> RedminePrograms:
    """The packages, installed first where they are missing and we may (half a minute). Raises `ServerMissing`."""
    missing = [package for package in _NEEDED if package not in _installed()]
    if missing and may_install():
        if "redmine" in missing:
            missing.append("redmine-sqlite")  # one of its databases must be chosen
        click.echo(f"Installing {', '.join(missing)} with apt-get. No service is started.")
        if _BUNDLER in missing:
            install_packages([_BUNDLER])  # what configures Redmine must be told its version
        install_packages(missing, _with_bundler(_upstream(_installed()[_BUNDLER])))
    if not has_redmine():
        raise ServerMissing(ADVICE)
    installed = _installed()
    return RedminePrograms(_CODE, installed["redmine"], _upstream(installed[_BUNDLER]))


def has_redmine() -> bool:
    """Whether the packages are there; installs nothing."""
    installed = _installed()
    return all(package in installed for package in _NEEDED) and _CODE.exists()


def _with_bundler(version: str) -> dict[str, str]:
    """Ruby brings a Bundler, too; a newer one than Debian's own would be taken, and finds no gem of Debian's."""
    return {"BUNDLER_VERSION": version}


def _upstream(version: str) -> str:
    """Of a version of Debian's, `2.3.15-2+deb12u1`, the part that is the program's."""
    return version.rpartition("-")[0]


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
