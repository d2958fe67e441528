"""Every page of the documentation is found from the README."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((docs/[^)#]+\.md)")


def unlisted(pages: set[str], index: str) -> set[str]:
    return pages - set(LINK.findall(index))


def test_the_index_lists_every_page() -> None:
    pages = {f"{page.relative_to(ROOT)}" for page in (*ROOT.glob("docs/*.md"), *ROOT.glob("docs/systems/*.md"))}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(pages) > 15
    assert unlisted(pages, readme.partition("## Read on")[2]) == set()


def test_a_page_that_is_not_listed_is_found() -> None:
    assert unlisted({"docs/a.md", "docs/b.md"}, "[docs/a.md](docs/a.md): b is in docs/b.md") == {"docs/b.md"}
