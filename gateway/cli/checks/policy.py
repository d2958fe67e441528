"""Whether the policy file can be used."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from gateway.cli.checks.finding import Finding, Level
from gateway.cli.policy_doubts import doubts
from gateway.policy_file import PolicyFile, read_policy
from gateway.system_policy import PolicyInvalid

PART: Final = "policy"


def look_at_policy(path: Path, roles: Collection[str] | None) -> tuple[list[Finding], PolicyFile | None]:
    """Findings, and the policy if it can be used. `roles` are those that callers of the API have; None: not known."""
    try:
        policy = read_policy(path)
    except PolicyInvalid as error:
        return [Finding(PART, Level.FAIL, line, "correct the policy file") for line in str(error).splitlines()], None
    doubtful = [Finding(PART, Level.WARN, found, change) for found, _, change in map(_split, doubts(policy, roles))]
    return [Finding(PART, Level.OK, f"{path}"), *doubtful], policy


def _split(doubt: str) -> tuple[str, str, str]:
    return doubt.rpartition(": ")
