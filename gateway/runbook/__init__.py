"""The runbook: a page for each failure class and for each condition of readiness, as it is served, printed, and kept.

A page is a file beside this one; who settles a class, and how it is mended, is put in from where it is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from gateway.case_classes import CLASSES
from schemas.verdicts import FailureClass

READINESS: Final = ("tasks", "postgresql", "consumers", "publisher", "draining", "policy", "started")
"""Names of checks, as `/readyz`, `/livez`, and `/startupz` tell them."""
PLACE: Final = "/runbook"

_NAMES: Final = (*(kind.value for kind in FailureClass), *READINESS)
_INDEX: Final = """\
# Runbook

A page for each failure class of a case or a dead letter, and for each condition of readiness: what it means, where to
look, what to do, and how you know that it is over. The gateway serves them at `/runbook`, without a token;
`tallystick docs runbook NAME` prints one.
"""


def names() -> tuple[str, ...]:
    """The pages there are."""
    return _NAMES


def path_of(name: str) -> str:
    """Where the API serves a page."""
    return f"{PLACE}/{name}"


def page(name: str) -> str | None:
    """A page in Markdown; None if there is none of this name."""
    if name not in _NAMES:
        return None
    body = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return f"# {name}\n\n{_FACTS[name]}\n\n{body}"


def index() -> str:
    """The list of them, each with its first sentence."""
    classes = "\n".join(_line(kind.value) for kind in FailureClass)
    checks = "\n".join(_line(name) for name in READINESS)
    return f"{_INDEX}\n## Failure classes\n\n{classes}\n\n## Readiness\n\n{checks}\n"


def _line(name: str) -> str:
    body = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    first = " ".join(body.partition("\n\n")[0].split())
    return f"- [{name}]({name}.md): {first.partition('. ')[0].rstrip('.')}."


def _facts() -> Mapping[str, str]:
    classes = {
        kind.value: f"A failure class. Settled by `{rule.owner}`, unless the case names another role. {rule.fix}"
        for kind, rule in CLASSES.items()
    }
    return MappingProxyType({**classes, **dict.fromkeys(READINESS, "A check of `/livez`, `/readyz`, or `/startupz`.")})


_FACTS: Final = _facts()
