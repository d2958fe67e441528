"""The table of docs/kpis.md is the table of the code."""

from __future__ import annotations

from pathlib import Path

from gateway.kpis.figures import FIGURES, Figure
from gateway.kpis.measures import BOUNDS

PAGE = Path(__file__).parents[3] / "docs" / "kpis.md"
HEAD = "| figure | what it says | formula | unit | counts | does not count |\n|---|---|---|---|---|---|\n"


def row(figure: Figure) -> str:
    """A row of the table."""
    cells = (f"`{figure.name}`", figure.says, figure.formula, figure.unit, figure.counts, figure.leaves_out)
    return f"| {' | '.join(cells)} |\n"


def test_the_page_has_the_table_of_the_code() -> None:
    assert HEAD + "".join(map(row, FIGURES)) + "\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_all_bounds() -> None:
    assert f"by bounds: {', '.join(BOUNDS)}, and more" in PAGE.read_text(encoding="utf-8")
