"""Tryton's programs: a virtual environment of their own, with the versions of requirements-tryton.lock."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from gateway.local.account import Account
from gateway.local.debian import install_packages, may_install
from gateway.local.errors import ServerFailed, ServerMissing
from tests.live.built import built
from tests.live.place import ROOT, fingerprint

LOCK: Final = ROOT / "requirements-tryton.lock"

_DEBIAN: Final = Path("/usr/bin/python3")
_IS_GOOD: Final = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
_PIP_SECONDS: Final = 240.0
_TAMPERED: Final = "DO NOT MATCH THE HASHES"


@dataclass(frozen=True, slots=True)
class TrytonPrograms:
    """A virtual environment that the servers' account can run, through its Python: its scripts name another folder."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def admin(self) -> list[str]:
        """The program that fills databases and activates modules."""
        return [str(self.python), str(self.folder / "bin" / "trytond-admin")]

    @property
    def serve(self) -> list[str]:
        """The program that serves, to be followed by its options."""
        return [str(self.python), "-m", "gunicorn", "trytond.application:app"]

    @property
    def origin(self) -> str:
        return f"Tryton {locked_version()} of {self.folder}"


def locked_version() -> str:
    """The server's version by the lock file."""
    (version,) = re.findall(r"^trytond==(\S+)", LOCK.read_text(), re.MULTILINE)
    return str(version)


def tryton_programs(live: Path, account: Account) -> TrytonPrograms:
    """The environment, made first where there is none for this lock file (half a minute).

    Raises `ServerMissing` where no Python or no package can be had, and `ServerFailed` where one is not what the lock
    file says, or cannot be installed.
    """
    python = _interpreter(account)
    return TrytonPrograms(built(live / "tryton", "venv", _kind(python), lambda folder: _install(python, folder)))


def has_tryton(live: Path, account: Account) -> bool:
    """Whether the environment is there; makes nothing."""
    return any((live / "tryton" / f"venv-{_kind(python)}").exists() for python in _candidates(account))


def _kind(python: Path) -> str:
    return fingerprint(LOCK, str(python))


def _install(python: Path, folder: Path) -> None:
    click.echo(f"Installing Tryton {locked_version()}, from {LOCK.name}.")
    packages = folder / "packages"
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    locked = ["--require-hashes", "--requirement", str(LOCK)]
    _must(_run([str(python), "-m", "venv", str(folder)]))
    if (words := _run([*pip, "download", "--retries", "1", "--dest", str(packages), *locked])) is not None:
        if _TAMPERED in words:
            raise ServerFailed(words)
        raise ServerMissing(
            f"Tryton cannot be downloaded: see that pip reaches an index that has what {LOCK.name} lists. {words}"
        )
    _must(_run([*pip, "install", "--no-index", "--find-links", str(packages), *locked]))
    shutil.rmtree(packages)


def _interpreter(account: Account) -> Path:
    """Our own Python where the servers' account can run it (below a root's home it cannot), else the system's."""
    if not _candidates(account) and may_install():
        click.echo("Installing python3-venv with apt-get.")
        install_packages(["python3-venv"])
    for python in _candidates(account):
        return python
    raise ServerMissing(
        f"Tryton needs a Python 3.11 or later that user {account.uid} can run; {Path(sys.executable).resolve()} cannot "
        f"be reached by that user, and {_DEBIAN} is none. Install it (Debian: apt-get install python3-venv), or do not "
        "run as root."
    )


def _candidates(account: Account) -> list[Path]:
    """The Python to take, if there is one."""
    ours = Path(sys.executable).resolve()
    if account.can_run(ours):
        return [ours]
    return [_DEBIAN] if _is_good(_DEBIAN, account) else []


def _is_good(python: Path, account: Account) -> bool:
    if not python.exists() or not account.can_run(python.resolve()):
        return False
    return subprocess.run([python, "-c", _IS_GOOD], check=False, capture_output=True, timeout=30).returncode == 0


def _run(argv: list[str]) -> str | None:
    """What a program said when it failed, or that it took longer; None if it did what it was told."""
    try:
        ended = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PIP_SECONDS,
            umask=0o022,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{' '.join(argv)} took longer than {_PIP_SECONDS:.0f} s."
    if ended.returncode:
        return f"{' '.join(argv)} failed:\n{ended.stdout[-4000:]}{ended.stderr[-4000:]}"
    return None


def _must(words: str | None) -> None:
    if words is not None:
        raise ServerFailed(words)
