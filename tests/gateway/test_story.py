"""Which line of a timeline asked for which command."""

from __future__ import annotations

from uuid import UUID

from adapters.ports.entities import AskedRow, CommandState, TimelineRow
from gateway.story import story, versions_of
from tests.gateway.toy import NOW


def line(seq: int, version: int, what: str = "applied") -> TimelineRow:
    return TimelineRow(seq, NOW, version, what, None, None, None, None)


def asked(version: int, index: int = 0) -> AskedRow:
    return AskedRow(UUID(int=version), "erp", "job.do", f"job/a/{version}/1", version, index, CommandState.OPEN, ())


def told(lines: list[TimelineRow], *rows: AskedRow) -> list[tuple[int, list[int]]]:
    """Each line with the versions at which it asked."""
    return [(chapter.seq, [row.version for row in chapter.asked]) for chapter in story(lines, rows)]


def test_an_event_asked_for_what_its_version_asked_for() -> None:
    assert told([line(2, 2), line(1, 1)], asked(1), asked(1, 1), asked(2)) == [(2, [2]), (1, [1, 1])]


def test_an_event_that_was_ignored_asked_for_nothing_though_it_names_the_version_that_stood() -> None:
    assert told([line(2, 1, "ignored"), line(1, 1)], asked(1)) == [(2, []), (1, [1])]


def test_a_result_asked_for_what_no_event_did() -> None:
    assert told([line(2, 2, "command_done"), line(1, 1)], asked(1), asked(2)) == [(2, [2]), (1, [1])]


def test_of_results_in_one_commit_the_first_stands_for_all() -> None:
    lines = [line(4, 4), line(3, 3, "command_done"), line(2, 3, "command_done"), line(1, 1)]
    assert told(lines, asked(2), asked(3), asked(4)) == [(4, [4]), (3, []), (2, [2, 3]), (1, [])]


def test_a_page_asks_for_the_versions_behind_the_line_before_it() -> None:
    assert versions_of([line(9, 7), line(8, 6)], line(7, 5)) == (5, 7)
    assert versions_of([line(2, 2), line(1, 1)], None) == (0, 2)
    assert versions_of([], None) == (0, 0)


def test_what_the_lines_that_are_gone_asked_for_is_nobody_elses() -> None:
    lines = [line(9, 12, "command_done"), line(8, 10)]
    assert versions_of(lines, None) == (9, 12)
    assert versions_of([line(2, 1), line(1, 0, "waiting")], None) == (0, 1)
