"""The lock files pin all that pyproject.toml asks for, with hashes, and name no place to get it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.files import ROOT

LOCKS = {
    "requirements.lock": [],
    "requirements-dev.lock": ["dev"],
    "requirements-bench.lock": ["bench"],
    "requirements-build.lock": None,
    "requirements-tryton.lock": None,
}


def canonical(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def locked(lock: str) -> dict[str, str]:
    """Each pinned distribution, and the lines that follow its name."""
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
    return {canonical(block): block for block in blocks if not block.startswith("#")}


def asked(lock: str) -> set[str]:
    if lock == "requirements-tryton.lock":
        lines = (ROOT / "tests/live/tryton.in").read_text().splitlines()
        return {canonical(line) for line in lines if not line.startswith("#")}
    project, extras = tomllib.loads((ROOT / "pyproject.toml").read_text()), LOCKS[lock]
    if extras is None:
        return {canonical(name) for name in project["build-system"]["requires"]}
    names = list(project["project"]["dependencies"])
    for extra in extras:
        names += project["project"]["optional-dependencies"][extra]
    return {canonical(name) for name in names}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_with_hashes(lock: str) -> None:
    pins = locked(lock)
    assert asked(lock) <= set(pins)
    assert [name for name, block in pins.items() if not re.match(r"\S+==\S+ \\\n    --hash=sha256:", block)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_place_is_named(lock: str) -> None:
    assert re.findall(r"^-.*|://\S+|file:\S+", Path(ROOT / lock).read_text(), re.MULTILINE) == []


@pytest.mark.parametrize("lock", ["requirements-dev.lock", "requirements-bench.lock"])
def test_the_tools_run_with_what_is_shipped(lock: str) -> None:
    runtime, tools = locked("requirements.lock"), locked(lock)
    assert {name: tools[name].split()[0] for name in runtime} == {name: pin.split()[0] for name, pin in runtime.items()}


def test_one_environment_holds_tools_and_bench() -> None:
    dev, bench = locked("requirements-dev.lock"), locked("requirements-bench.lock")
    both = dev.keys() & bench.keys()
    assert {name: dev[name].split()[0] for name in both} == {name: bench[name].split()[0] for name in both}
