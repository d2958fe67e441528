"""The folder of results: each run's JSON, Markdown, and plots; and the part of the README that shows the newest.

The runs that count stand in the folder itself, those of `--large` in `large/`. A full run renews the README, and a test
compares it with the newest full run, so that neither is changed alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson

from bench.plots import plots
from bench.report import Report
from bench.table import table
from bench.targets import Kind

FOLDER: Final = Path(__file__).with_name("results")
README: Final = Path(__file__).parents[1] / "README.md"
BEGIN: Final = "<!-- bench: written by `make bench` -->"
END: Final = "<!-- end of bench -->"
NOTHING: Final = "No full run has been kept yet; `make bench` makes one."


def write(report: Report, folder: Path = FOLDER) -> Path:
    """Write all files of a run; the path of its JSON."""
    place = folder if report.kind is Kind.ORDINARY else folder / "large"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{report.stamp}.json"
    path.write_bytes(report.to_json())
    path.with_suffix(".md").write_text(table(report) + "\n", encoding="utf-8")
    for name, drawing in plots(report).items():
        (place / f"{report.stamp}-{name}.svg").write_text(drawing, encoding="utf-8")
    return path


def is_shown(report: Report, folder: Path = FOLDER) -> bool:
    """Whether the README is to show this run."""
    return report.is_full and report.kind is Kind.ORDINARY and folder == FOLDER


def newest(folder: Path = FOLDER) -> Path | None:
    """The JSON of the newest full run that compares the contenders, if there is one."""
    full = [path for path in sorted(folder.glob("*.json")) if orjson.loads(path.read_bytes())["full"]]
    return full[-1] if full else None


def section(folder: Path = FOLDER) -> str:
    """What the README shows between its two marks."""
    path = newest(folder)
    if path is None:
        return NOTHING
    picture = f"![Throughput of each contender](bench/results/{path.stem}-throughput.svg)"
    return f"{picture}\n\n{path.with_suffix('.md').read_text(encoding='utf-8').strip()}"


def shown(readme: Path = README) -> str:
    """What the README shows now. Raises `ValueError` if its marks are gone."""
    _, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    found, end, _ = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme.name}: put the lines {BEGIN} and {END} back, the figures stand between them")
    return found.strip()


def show(folder: Path = FOLDER, readme: Path = README) -> None:
    """Let the README show the newest full run. Raises `ValueError` if its marks are gone."""
    before = f"{BEGIN}\n\n{shown(readme)}\n\n{END}"
    text = readme.read_text(encoding="utf-8")
    if before not in text:
        raise ValueError(f"{readme.name}: leave an empty line after {BEGIN} and one before {END}")
    readme.write_text(text.replace(before, f"{BEGIN}\n\n{section(folder)}\n\n{END}"), encoding="utf-8")
