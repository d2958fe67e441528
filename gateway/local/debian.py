"""Debian's packages, installed where we may: as root, and without the services that they bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_APT_SECONDS: Final = 900.0


def may_install() -> bool:
    """Whether this is Debian or its like, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(packages: Sequence[str]) -> None:
    """Install them with apt-get, and nothing that they only recommend. Raises `click.ClickException` with its words."""
    with _services_stay_down():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> None:
    ended = subprocess.run(
        ["apt-get", "-qq", *arguments],  # noqa: S607 - the system's own, wherever it is
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_APT_SECONDS,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )
    if ended.returncode:
        raise click.ClickException(f"apt-get {' '.join(arguments)} failed:\n{ended.stdout[-4000:]}")


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian starts what it installs, on the standard ports, unless this script says no (policy-rc.d, exit 101).

    Where there is one already (as in containers) it stays as it is: it is the administrator's word, not ours.
    """
    try:
        with _POLICY.open("x") as policy:
            policy.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        yield
        return
    try:
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink()
