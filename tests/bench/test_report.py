"""A report compares medians with targets, and says what a reader must know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from bench.table import table
from bench.targets import TARGETS, Kind, lines
from tests.bench.reports import large, ordinary


def written(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(content)
    return found


def test_the_json_carries_ratios_medians_and_every_round() -> None:
    found = written(ordinary().to_json())
    assert found["ratios"] == {"T/A": 0.6, "T/B": 1.333, "T/C": 2.4, "T/D": 6.0}
    assert found["medians"]["throughput"] == {"A": 200, "B": 90, "C": 50, "D": 20, "T": 120}
    assert found["rounds"]["throughput"]["T"] == [120, 100, 140]
    assert found["machine"]["settings"]["fsync"] == "on"
    assert found["sizes"]["messages"] == 30_000


def test_each_target_of_the_kind_is_one_entry_met_or_not() -> None:
    found = {entry["figure"]: entry for entry in written(ordinary().to_json())["targets"]}
    assert list(found) == [target.figure for target in TARGETS if target.kind is Kind.ORDINARY]
    assert [found[name]["met"] for name in ("T/A", "T/B", "T/C", "T/D")] == [None, True, False, True]
    assert (found["critical p50"]["met"], found["critical p99"]["met"]) == (True, False)
    assert (found["hot"]["measured"], found["hot"]["met"]) == (None, None)


def test_a_large_run_has_targets_of_its_own() -> None:
    found = {entry["figure"]: entry for entry in written(large().to_json())["targets"]}
    assert (found["big"]["measured"], found["big"]["target"], found["big"]["met"]) == (0.9, "≥ 0.8", True)
    assert (found["big random"]["target"], found["big random"]["met"]) == ("reported", None)
    assert "T/D" not in found


def test_a_figure_that_no_target_names_is_refused() -> None:
    with pytest.raises(ValueError, match="no target names T/Z: add a line"):
        lines(Kind.ORDINARY, {"T/Z": 1.0})


def test_the_table_shows_contenders_targets_and_conditions() -> None:
    rows = table(ordinary()).splitlines()
    assert "| D | aio-pika, a lock per key, one transaction per message | 20 | 10 · 20 · 30 |" in rows
    assert "| T / D, what a user writes today | 6.00 | ≥ 6 | met |" in rows
    assert "| published → applied at 1,000 messages/s, 99th percentile | 41.00 ms | ≤ 40 ms | **missed** |" in rows
    assert "| all messages of one key / of 5,000 keys | not measured | ≥ 0.5 |  |" in rows
    assert "fsync on, shared_buffers 128MB" in rows[-1]


def test_a_busy_machine_is_a_warning() -> None:
    assert ordinary().notes == []
    (warning,) = ordinary(load=0.8).notes
    assert "the load average was 0.8 before the run" in warning
    assert table(ordinary(load=0.8)).startswith(f"**Note:** {warning}.")


def test_time_that_the_host_gave_to_others_is_a_warning() -> None:
    (warning,) = replace(ordinary(), stolen=0.12).notes
    assert "took 12% of the processor time" in warning
    assert replace(ordinary(), stolen=0.02).notes == []
    assert written(replace(ordinary(), stolen=0.1234).to_json())["stolen"] == 0.123


def test_a_run_that_is_not_full_says_so() -> None:
    (note,) = ordinary(is_full=False).notes
    assert note.startswith("not the full run (messages 10000, rounds 1, rounds_apart 1, seconds 3.0)")
