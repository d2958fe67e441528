"""Debian's packages, installed where we may: as root, and without the services that they bring."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.local.errors import ServerFailed, ServerMissing

_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_DOWNLOAD_SECONDS: Final = 240.0
_INSTALL_SECONDS: Final = 600.0
_ONE_AT_A_TIME: Final = threading.Lock()
"""apt-get refuses to run beside another one."""
_PATIENCE: Final = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30")


def may_install() -> bool:
    """Whether this is Debian or its like, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(packages: Sequence[str], environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Install them with apt-get, and nothing that they only recommend; `environment` is for what configures them.

    Raises `ServerMissing` where they cannot be downloaded, in four minutes each for the lists and the packages, and
    `ServerFailed` where what was downloaded cannot be installed; both with apt-get's words.
    """
    install = ("install", "--yes", "--no-install-recommends", *packages)
    with _ONE_AT_A_TIME, _services_stay_down():
        for arguments in (("update",), (*install, "--download-only")):
            if (words := _apt(*_PATIENCE, *arguments, seconds=_DOWNLOAD_SECONDS)) is not None:
                raise ServerMissing(
                    f"Debian's packages {', '.join(packages)} cannot be downloaded: see that this machine reaches the "
                    f"archive of its /etc/apt/sources.list. apt-get {arguments[0]} failed:\n{words}"
                )
        if (words := _apt(*install, seconds=_INSTALL_SECONDS, environment=environment)) is not None:
            raise ServerFailed(f"apt-get {' '.join(install)} failed:\n{words}")


def _apt(*arguments: str, seconds: float, environment: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """What apt-get said when it failed, or that it took longer; None if it did what it was told."""
    try:
        ended = subprocess.run(
            ["apt-get", "-qq", *arguments],  # noqa: S607 - the system's own, wherever it is
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", **environment},
        )
    except subprocess.TimeoutExpired:
        return f"It took longer than {seconds:.0f} s."
    return ended.stdout[-4000:] if ended.returncode else None


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
