"""What is built once is built whole, found again, and replaced when its parts change; needs no live system."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.local.account import unprivileged
from gateway.local.errors import ServerFailed
from gateway.local.folder import make_folder, remove_folder
from tests.live.built import built, tar, untar
from tests.live.place import FOLDER, fingerprint, live_folder


def make_one(folder: Path) -> None:
    (folder / "made").write_text("whole")


def make_half(folder: Path) -> None:
    (folder / "made").write_text("half")
    raise ServerFailed("no more disk")


def test_it_is_made_once(tmp_path: Path) -> None:
    # Given something that was built
    first = built(tmp_path, "template", "a", make_one)
    # When it is wanted again, it is found, and nothing is made
    assert built(tmp_path, "template", "a", make_half) == first
    assert (first / "made").read_text() == "whole"


def test_another_fingerprint_replaces_it_and_nothing_else(tmp_path: Path) -> None:
    # Given two kinds
    old, other = built(tmp_path, "template", "a", make_one), built(tmp_path, "venv", "a", make_one)
    # When what one of them is made of has changed
    new = built(tmp_path, "template", "b", make_one)
    # Then only that one was replaced
    assert sorted(tmp_path.iterdir()) == sorted([new, other])
    assert not old.exists()


def test_a_failure_leaves_nothing_and_what_was_there_before(tmp_path: Path) -> None:
    old = built(tmp_path, "template", "a", make_one)
    with pytest.raises(ServerFailed, match="no more disk"):
        built(tmp_path, "template", "b", make_half)
    assert list(tmp_path.iterdir()) == [old]


def test_two_that_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    # Given a process that finishes while ours is still at work
    def make_while_other_finishes(folder: Path) -> None:
        built(tmp_path, "template", "a", make_one)
        (folder / "made").write_text("ours")

    # When ours is done, then the first result stays, and no rest of ours
    kept = built(tmp_path, "template", "a", make_while_other_finishes)
    assert (kept / "made").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [kept]


def test_what_is_packed_is_unpacked_for_the_account_of_the_servers(tmp_path: Path) -> None:
    # Given a packed folder where every account can reach it
    account = unprivileged()
    folder = make_folder("built", account)
    try:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "file").write_text("text")
        tar(tmp_path / "data", folder / "data.tar")
        # When it is unpacked
        untar(folder / "data.tar", folder, account)
        # Then the account owns it
        unpacked = folder / "data" / "file"
        assert unpacked.read_text() == "text"
        assert unpacked.stat().st_uid == account.uid
    finally:
        remove_folder(folder)


def test_content_changes_the_fingerprint(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_text("one")
    before = fingerprint(seed, "8.0")
    seed.write_text("two")
    assert before != fingerprint(seed, "8.0")
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_a_folder_that_the_servers_cannot_enter_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o600)
    with pytest.raises(ServerFailed, match=FOLDER):
        live_folder({FOLDER: str(closed)}, unprivileged())
