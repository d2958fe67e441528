"""Results are files that depend on the run alone; the README shows the newest full run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import results
from bench.part import Found
from bench.plots import plots
from tests.bench.reports import large, ordinary

SVG = "{http://www.w3.org/2000/svg}"


def readme(folder: Path, text: str) -> Path:
    path = folder / "README.md"
    path.write_text(f"# Title\n\n{text}\n\n## Next\n")
    return path


def test_the_readme_shows_the_newest_full_run() -> None:
    assert results.shown() == results.section(), "run `make bench`, which writes both, or restore the one you changed"


def test_a_run_writes_json_table_and_plots(tmp_path: Path) -> None:
    path = results.write(ordinary(), tmp_path)
    assert sorted(file.name.removeprefix(path.stem) for file in tmp_path.iterdir()) == [
        "-latency.svg", "-throughput.svg", ".json", ".md",
    ]  # fmt: skip


def test_the_same_run_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        results.write(ordinary(), tmp_path / folder)
    for file in (tmp_path / "first").iterdir():
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()


def test_a_large_run_stands_apart(tmp_path: Path) -> None:
    path = results.write(large(), tmp_path)
    assert path.parent == tmp_path / "large"
    assert path.with_name(f"{path.stem}-size.svg").exists()


def test_a_full_run_is_shown_and_a_newer_short_one_is_not(tmp_path: Path) -> None:
    folder, page = tmp_path / "results", readme(tmp_path, f"{results.BEGIN}\n\nbefore\n\n{results.END}")
    full = results.write(ordinary(), folder)
    results.write(ordinary(is_full=False, minute=5), folder)
    results.show(folder, page)
    text = page.read_text()
    assert f"bench/results/{full.stem}-throughput.svg" in text
    assert "| T / D, what a user writes today | 6.00 | ≥ 6 | met |" in text
    assert "before" not in text
    assert text.startswith("# Title\n\n")
    assert text.endswith("\n\n## Next\n")
    assert results.shown(page) == results.section(folder)


def test_a_readme_without_marks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"README\.md: put the lines .* back"):
        results.show(tmp_path, readme(tmp_path, "nothing"))


def test_only_a_full_run_in_the_usual_folder_is_shown(tmp_path: Path) -> None:
    assert results.is_shown(ordinary())
    assert not results.is_shown(ordinary(is_full=False))
    assert not results.is_shown(ordinary(), tmp_path)
    assert not results.is_shown(large())


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    root = ET.fromstring(plots(ordinary())["throughput"])  # noqa: S314  # our own drawing
    heights = [float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect") if "x" in bar.attrib]
    assert [round(height / heights[0], 2) for height in heights] == [1.0, 0.45, 0.25, 0.1, 0.6]


def test_without_any_rate_that_was_reached_there_is_no_curve() -> None:
    report = ordinary()
    critical = Found({"smallest commit": [1.0]}, {"commit": 1.0})
    assert "latency" not in plots(replace(report, parts={**report.parts, "critical": critical}))


def test_curves_have_a_point_for_each_rate() -> None:
    root = ET.fromstring(plots(ordinary())["latency"])  # noqa: S314  # our own drawing
    median, slow = (line.attrib["points"].split() for line in root.iter(f"{SVG}polyline"))
    assert len(median) == len(slow) == 3
    # Time goes up, and so does the line: y counts from above.
    assert [float(point.partition(",")[2]) for point in slow] == sorted(
        (float(point.partition(",")[2]) for point in slow), reverse=True
    )
