"""What the host gave to others is told apart from what this machine used."""

from __future__ import annotations

from pathlib import Path

from bench.stolen import Ticks


def test_the_share_is_of_what_was_wanted_between_two_looks(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_text("cpu  100 10 50 9000 40 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    after.write_text("cpu  160 10 60 9500 90 5 10 55 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert Ticks.read(after).share_since(Ticks.read(before)) == 0.25


def test_a_system_that_does_not_tell_counts_as_nothing_stolen(tmp_path: Path) -> None:
    nothing = Ticks.read(tmp_path / "missing")
    assert nothing.share_since(nothing) == 0.0


def test_this_machine_is_read() -> None:
    first = Ticks.read()
    assert Ticks.read().wanted >= first.wanted > 0
