"""The files of the code base, found without help of a version control system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("schemas", "actors", "adapters", "gateway")

_CODE: Final = (*PACKAGES, "bench", "tests")
_BESIDE: Final = (*_CODE, "docs", "docker", "examples", ".ci")
_MADE: Final = frozenset({"__pycache__", "secrets", ".hypothesis"})


def modules() -> list[Path]:
    """Every Python file of ours."""
    return [path for folder in _CODE for path in _below(ROOT / folder) if path.suffix == ".py"]


def texts() -> list[Path]:
    """Every text file of ours: code, documents, and what builds them."""
    beside = [path for folder in _BESIDE for path in _below(ROOT / folder)]
    at_root = [path for path in sorted(ROOT.iterdir()) if path.is_file()]
    return [path for path in at_root + beside if path.suffix not in {".pyc", ".png", ".gz", ".bin"}]


def name(path: Path) -> str:
    """What a failing test calls the file."""
    return str(path.relative_to(ROOT))


def _below(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not _MADE & set(path.parts))
