"""Whether the files that hold secrets can be read by us, and by nobody who should not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.callers import CALLERS_FILE, TOKEN_FILE, known_callers
from gateway.cli.checks.finding import Finding, Level
from gateway.oidc import OIDC_FILE, read_oidc
from gateway.policy_file import PolicyFile
from gateway.settings import SettingsInvalid


def look_at_secrets(policy: PolicyFile | None) -> list[Finding]:
    """Findings on each file that the environment or the policy names, and on what the file of callers says."""
    files = (_look_at(name, path) for name, path in _files(policy))
    return [*files, *_look_at_callers(), *_look_at_issuer()]


def roles_of_callers() -> frozenset[str] | None:
    """The roles that callers of the API have; None where no file says who may ask, or what it says cannot be used."""
    token, callers, issuer = (os.environ.get(name) for name in (TOKEN_FILE, CALLERS_FILE, OIDC_FILE))
    if not (token or callers or issuer):
        return None
    try:
        known = known_callers(Path(token) if token else None, Path(callers) if callers else None)
        groups = read_oidc(Path(issuer)).groups.values() if issuer else ()
    except SettingsInvalid:
        return None  # which is a finding of its own
    return frozenset(role for each in (*known.values(), *groups) for role in each.roles)


def _look_at_callers() -> Iterator[Finding]:
    part, path = "callers", os.environ.get(CALLERS_FILE)
    if not path:
        return
    try:
        callers = known_callers(None, Path(path)).values()
    except SettingsInvalid as error:
        for line in str(error).splitlines():
            yield Finding(part, Level.FAIL, line, "correct the file; `tallystick caller add` makes entries")
        return
    roles = sorted({role for caller in callers for role in caller.roles})
    yield Finding(part, Level.OK, f"{len(callers)} callers; their roles: {', '.join(roles) or 'none'}")


def _look_at_issuer() -> Iterator[Finding]:
    part, path = "issuer of tokens", os.environ.get(OIDC_FILE)
    if not path:
        return
    try:
        oidc = read_oidc(Path(path))
    except SettingsInvalid as error:
        for line in str(error).splitlines():
            yield Finding(part, Level.FAIL, line, "correct the file; docs/configuration.md says what stands in it")
        return
    yield Finding(part, Level.OK, f"{oidc.issuer}, with the groups {', '.join(oidc.groups) or 'none'}")


def _files(policy: PolicyFile | None) -> Iterator[tuple[str, Path]]:
    for variable, path in sorted(os.environ.items()):
        if variable.startswith("TALLYSTICK_") and variable.endswith("_FILE") and path:
            yield variable, Path(path)
    for name, system in () if policy is None else policy.systems.items():
        if system.secret_file is not None:
            yield f"systems.{name}.{system.credential}_file", system.secret_file


def _look_at(name: str, path: Path) -> Finding:
    part = "secret file"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        is_empty = not path.read_text(encoding="utf-8").strip()
    except OSError as error:
        return Finding(part, Level.FAIL, f"{name}: {path}: {error.strerror or error}", "correct the path or its mode")
    except UnicodeDecodeError:
        return Finding(part, Level.FAIL, f"{name}: {path} is not text", "write the secret as one line of text")
    if is_empty:
        return Finding(part, Level.FAIL, f"{name}: {path} is empty", "write the secret into it")
    if mode & stat.S_IRWXO:
        return Finding(part, Level.WARN, f"{name}: everybody may read {path} (mode {mode:o})", f"chmod o= {path}")
    return Finding(part, Level.OK, f"{name}: {path}")
