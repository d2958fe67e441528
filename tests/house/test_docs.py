"""Every page of the documentation is found from the README, and every long test from the documentation."""

from __future__ import annotations

import re

from tests.house.files import ROOT, modules, name

LINK = re.compile(r"\]\((docs/[^)#]+\.md)")
LONG = re.compile(r"mark\.long\b")


def page(file: str) -> str:
    return (ROOT / "docs" / file).read_text(encoding="utf-8")


def unlisted(pages: set[str], index: str) -> set[str]:
    return pages - set(LINK.findall(index))


def test_the_index_lists_every_page() -> None:
    pages = {f"{page.relative_to(ROOT)}" for page in (*ROOT.glob("docs/*.md"), *ROOT.glob("docs/systems/*.md"))}
    readme = page("../README.md")
    assert len(pages) > 15
    assert unlisted(pages, readme.partition("## Read on")[2]) == set()


def test_every_file_with_long_tests_is_listed() -> None:
    listed = set(re.findall(r"^\| `(tests/.+\.py)` \|", page("reliability.md"), re.MULTILINE))
    assert listed == {name(path) for path in modules() if LONG.search(path.read_text(encoding="utf-8"))}


def test_a_page_that_is_not_listed_is_found() -> None:
    assert unlisted({"docs/a.md", "docs/b.md"}, "[docs/a.md](docs/a.md): b is in docs/b.md") == {"docs/b.md"}
