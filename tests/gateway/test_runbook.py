"""The runbook has a page for whatever can be told to be wrong, and what is told leads there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.postgres.reads import PostgresReads
from gateway import runbook
from gateway.case_classes import CLASSES
from gateway.health import Health
from gateway.http.probes import told
from schemas.verdicts import FailureClass

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / "docs" / "runbook"
WRITE: Final = "run: tallystick docs runbook --to docs/runbook"


def health() -> Health:
    """A health that nobody has asked to look."""
    return Health(PostgresReads("postgresql://127.0.0.1:1/nobody-asks"), MemoryPublishing(MemoryBroker()))


def test_each_failure_class_and_each_check_has_a_page_and_no_page_stands_for_nothing() -> None:
    of = health()
    checks = {check.name for check in (of.alive, of.started, *of.checks)}
    assert set(runbook.names()) == {kind.value for kind in FailureClass} | checks
    files = {file.stem for file in (ROOT / "gateway" / "runbook").glob("*.md")}
    assert files == set(runbook.names())


@pytest.mark.parametrize("name", runbook.names())
def test_a_page_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over(name: str) -> None:
    page = runbook.page(name)
    assert page is not None
    assert page.startswith(f"# {name}\n")
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Look", "## Do", "## Over"]
    assert all(len(line) <= 180 for line in page.splitlines())


@pytest.mark.parametrize("kind", FailureClass)
def test_a_page_names_whoever_settles_the_class(kind: FailureClass) -> None:
    page = runbook.page(kind.value)
    assert page is not None
    assert f"Settled by `{CLASSES[kind].owner}`" in page
    assert CLASSES[kind].fix in page


def test_there_is_no_page_of_another_name() -> None:
    assert runbook.page("../cli/main") is None


def test_each_check_leads_to_its_page() -> None:
    of = health()
    for check in told([of.alive, of.started, *of.checks]):
        assert check["page"] == runbook.path_of(check["name"])
        assert runbook.page(check["name"]) is not None


def test_the_pages_of_the_docs_are_these() -> None:
    kept = {file.name: file.read_text(encoding="utf-8") for file in KEPT.glob("*.md")}
    pages = {f"{name}.md": runbook.page(name) for name in runbook.names()}
    assert kept == {"README.md": runbook.index(), **pages}, WRITE
