"""The linter keeps clock, randomness, and I/O by name out of the pure core, and only out of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT


def findings(path: str, line: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    checked = subprocess.run(
        [ruff, "check", "--select", "TID251", "--output-format", "concise", "--stdin-filename", path, "-"],
        check=False,
        input=f'"""Wrong."""\n\n{line}\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return checked.stdout


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import UTC, datetime; NOW = datetime.now(UTC)",
        "import datetime; TODAY = datetime.date.today()",
        "import time",
        "import random",
        "from secrets import token_hex",
        "import uuid; ID = uuid.uuid4()",
        "from uuid import uuid4",
        "from urllib.request import urlopen",
    ],
)
@pytest.mark.parametrize("path", ["actors/entities/wrong.py", "schemas/wrong.py"])
def test_the_core_has_no_clock_and_no_randomness(path: str, line: str) -> None:
    assert "TID251" in findings(path, line)


@pytest.mark.parametrize("path", ["gateway/right.py", "adapters/postgres/right.py", "tests/right.py"])
def test_the_shell_may(path: str) -> None:
    assert "TID251" not in findings(path, "import time, random, uuid; ID = uuid.uuid4()")
