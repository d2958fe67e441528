"""The pages about problems, in Markdown."""

from __future__ import annotations

from gateway.http.description.problem_texts import TEXTS
from gateway.http.problems import Kind


def problems_page() -> str:
    """All types, in the order of their names."""
    parts = [_part(kind, text) for kind, text in sorted(TEXTS.items(), key=lambda item: item[0].name)]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def problem_page(name: str) -> str | None:
    """One type; None if there is none of this name."""
    return next((_part(kind, text) for kind, text in TEXTS.items() if kind.name == name), None)


_HEAD = """\
# Problems

How the API refuses: `application/problem+json` with `type`, `title`, `status`, `detail`, which says what to change, and
`instance`, the path that was asked. `type` is `/problems/` and one of these names, which stay as they are."""


def _part(kind: Kind, text: str) -> str:
    return f"### {kind.name}\n\n{kind.status}: {kind.title}. {text}"
