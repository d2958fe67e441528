"""The page on adding an entity is true: what it shows is written beside a copy of the code, and runs there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.house.files import PACKAGES, ROOT

PAGE: Final = (ROOT / "docs" / "adding-an-entity.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(?P<kind>\w+) (?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
BESIDE: Final = ("tests/actors", "tests/schemas", "examples")

PLAYED: Final = """
from datetime import UTC, datetime
from importlib.resources import files

from actors.decision import Context, Snapshot
from actors.policy import Policy
from actors.registry import ACTORS
from adapters.rabbitmq.topology import queue_of, topology
from schemas.codec import STRUCTURED, decode
from schemas.keys import ActorKey

body = files("schemas").joinpath("examples", "purchase_order.issued.v1.json").read_bytes()
envelope = decode(body, STRUCTURED, {})
actor = ACTORS[envelope.entity]
(needed,) = actor.references(actor.state(), envelope, {})
key = ActorKey(envelope.entity, envelope.subject)
known = {needed: Snapshot(needed, 0, None)}
context = Context(key, datetime(2026, 10, 6, tzinfo=UTC), Policy(legal_entities={}), known)
print(actor.decide(actor.state(), envelope, context))
print(queue_of("purchase_order") in {queue.name for queue in topology(tuple(ACTORS)).queues})
"""


def insert(diff: str, into: str) -> str:
    """`into` with each run of `+` lines after the one line that stands before it."""
    lines = into.splitlines()
    place = 0
    for line in diff.splitlines():
        if line.startswith("+"):
            lines.insert(place, line[1:])
            place += 1
        else:
            assert lines.count(line[1:]) == 1, f"the page names a line that is not there once: {line[1:]}"
            place = lines.index(line[1:]) + 1
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, with the page's entity in it."""
    folder = tmp_path_factory.mktemp("code")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in (*PACKAGES, *BESIDE):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "__init__.py", folder / "tests")
    for kind, name, text in BLOCK.findall(PAGE):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(insert(text, path.read_text()) if kind == "diff" else text, encoding="utf-8")
        if kind == "json":
            shutil.copy(path, folder / "examples" / "events")
    return folder


def run(folder: Path, *command: str) -> str:
    """What a command says in the copy, which must succeed."""
    ran = subprocess.run(
        [sys.executable, *command], check=False, cwd=folder, capture_output=True, text=True, timeout=120,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PATH": str(Path(sys.executable).parent)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_page_shows_the_two_folders_the_lines_and_the_test() -> None:
    assert [path for _, path, _ in BLOCK.findall(PAGE)] == [
        "schemas/purchase_order/__init__.py",
        "schemas/purchase_order/v1.py",
        "schemas/purchase_order/entity.py",
        "schemas/registry.py",
        "schemas/examples/purchase_order.issued.v1.json",
        "schemas/examples/purchase_order.withdrawn.v1.json",
        "actors/entities/purchase_order.py",
        "actors/registry.py",
        "tests/actors/test_purchase_order.py",
    ]


def test_an_event_goes_through_the_registries_to_its_decision_and_has_its_queue(copy: Path) -> None:
    decision, has_queue = run(copy, "-c", PLAYED).splitlines()
    assert "Wait(target=ActorKey(entity='customer', id='C-1001')" in decision
    assert has_queue == "True"


def test_the_tests_of_the_page_pass(copy: Path) -> None:
    told = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/actors/test_purchase_order.py")
    assert "4 passed" in told


def test_the_golden_files_are_written_and_hold(copy: Path) -> None:
    run(copy, "-m", "tests.schemas.write_golden")
    assert (copy / "tests/schemas/golden/purchase_order.issued.v1.schema.json").exists()
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/schemas/test_golden.py")


def test_the_layers_hold(copy: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    assert "0 broken" in run(copy, str(linter), "--no-logo", "--no-cache")


def test_the_code_is_as_ours(copy: Path) -> None:
    shown = [path for kind, path, _ in BLOCK.findall(PAGE) if kind == "python"]
    run(copy, "-m", "ruff", "check", "--no-cache", *shown)
    run(copy, "-m", "ruff", "format", "--check", "--no-cache", *shown)
