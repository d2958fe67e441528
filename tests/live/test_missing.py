"""Where a live system cannot be had, the others are tested, and what was not is said; needs no live system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local.account import unprivileged
from gateway.local.errors import ServerFailed, ServerMissing
from gateway.local.folder import make_folder, remove_folder
from tests.live.install import ALLOW_NO_LIVE, REDMINE, TRYTON, Had, goes_without, install, told
from tests.live.place import FOLDER, ROOT
from tests.live.redmine_programs import has_redmine

ALLOWED = {ALLOW_NO_LIVE: "1"}


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder that the servers' user can enter, and nothing of Tryton in it."""
    account = unprivileged()
    folder = make_folder("live", account)
    folder.chmod(0o755)
    yield folder
    remove_folder(folder)


def missing() -> str:
    raise ServerMissing("install it")


def failed() -> str:
    raise ServerFailed("it did not start")


def test_one_that_cannot_be_had_keeps_no_other_from_being_installed() -> None:
    had = install({REDMINE: missing, TRYTON: lambda: "Tryton 8.0"})
    assert had == Had(there={TRYTON: "Tryton 8.0"}, missing={REDMINE: "install it"})


def test_one_that_is_there_and_fails_ends_the_installation() -> None:
    with pytest.raises(ServerFailed, match="did not start"):
        install({REDMINE: failed, TRYTON: lambda: "Tryton 8.0"})


def test_not_proved_is_said_only_with_leave_and_names_what_to_do() -> None:
    had = Had(missing={REDMINE: "apt-get install redmine."})
    (allowed,) = told(had, ALLOWED)
    assert allowed.startswith("NOT PROVED: there is no Redmine, and ALLOW_NO_LIVE=1;")
    assert "apt-get install redmine." in allowed
    (refused,) = told(had, {})
    assert refused.startswith("Error: Redmine cannot be had. apt-get install redmine.")


def test_without_leave_nothing_is_left_out(empty: Path) -> None:
    assert goes_without({FOLDER: str(empty)}) == frozenset()
    assert TRYTON in goes_without(ALLOWED | {FOLDER: str(empty)})


def test_tests_of_a_missing_system_are_deselected_and_told_and_those_of_the_other_stay(empty: Path) -> None:
    # Given no Tryton, and Redmine or not
    environment = os.environ | ALLOWED | {FOLDER: str(empty)}
    # When the tests on live systems are collected
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "live", "--collect-only", "-q",
         "tests/contracts/test_system.py"],
        cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    # Then none needs Tryton, those on Redmine are there if it is, and the run is good and says what it left out
    assert run.returncode == 0, run.stdout + run.stderr
    assert "[tryton " not in run.stdout
    assert ("[redmine project.put]" in run.stdout) == has_redmine()
    assert "NOT PROVED: there is no Tryton, and ALLOW_NO_LIVE=1:" in run.stdout
