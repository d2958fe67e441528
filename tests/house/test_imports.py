"""The contracts between the layers hold, and an import that breaks one is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import PACKAGES, ROOT

DOWN = "Dependencies go down only"
PURE = "Actors and schemas have no I/O"
ENTITIES = "Entities are independent"
ADAPTERS = "Adapters are independent"
COMPOSITION = "Concrete adapters and registries"
POSTGRES = "asyncpg, SQLAlchemy, and Alembic stay"
RABBITMQ = "aio-pika and aiormq stay"

WRONG = [
    ("actors/entities/wrong.py", "import asyncpg", PURE),
    ("actors/entities/wrong.py", "import time", PURE),
    ("schemas/wrong.py", "import asyncio", PURE),
    ("actors/entities/wrong.py", "from adapters.ports import store", DOWN),
    ("adapters/wrong.py", "from actors import decision", DOWN),
    ("schemas/wrong.py", "import gateway", DOWN),
    ("actors/entities/wrong.py", "from actors.entities import other", ENTITIES),
    ("adapters/memory/wrong.py", "import adapters.postgres", ADAPTERS),
    ("gateway/wrong.py", "import adapters.postgres", COMPOSITION),
    ("gateway/wrong.py", "from schemas import registry", COMPOSITION),
    ("gateway/wrong.py", "import asyncpg", POSTGRES),
    ("gateway/wrong.py", "import aiormq", RABBITMQ),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [script, "--no-logo", "--no-cache"], check=False, cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages, to be spoilt."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold() -> None:
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(("file", "line", "contract"), WRONG, ids=lambda value: value)
def test_a_wrong_import_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    # Given a module that breaks one contract, beside one for it to know
    spoilt = copy / file
    spoilt.parent.mkdir(parents=True, exist_ok=True)
    spoilt.write_text(f'"""Wrong."""\n\n{line}\n')
    spoilt.with_name("other.py").write_text('"""Not wrong."""\n')
    # When the contracts are checked
    checked = lint(copy)
    # Then that contract is named as broken
    assert checked.returncode == 1, checked.stdout + checked.stderr
    broken = checked.stdout.partition("Broken contracts")[2]
    assert contract in broken, checked.stdout
