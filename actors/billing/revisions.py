"""Which revision counts for which line: what was approved line by line, or late, says nothing of the other lines."""

from __future__ import annotations

from actors.billing.papers import Corrected, Paper, is_whole
from schemas.billed import Billed


def overtaken(state: Billed, revision: int) -> str | None:
    """Why a revision counts for no line any more; None where it still does for those of which none after it spoke."""
    if revision <= state.withdrawn:
        return f"revision {state.withdrawn} was withdrawn"
    if revision < state.last_whole:
        return f"revision {state.last_whole} is approved already"
    return None


def said_after(state: Billed, revision: int) -> frozenset[str]:
    """The lines of which a revision after this one has spoken: that one counts for them."""
    return frozenset(line_id for line_id, said in state.said.items() if said > revision)


def is_known(state: Billed, revision: int) -> bool:
    """Whether the revision came before, as a whole or some lines of it."""
    return revision == state.last_whole or revision in state.said.values()


def with_revision(state: Billed, paper: Paper, revision: int) -> dict[str, object]:
    """What of the state changes by a revision that counts: which came last, as a whole and of each line."""
    later = {line_id: said for line_id, said in state.said.items() if said > revision}
    last = {"revision": max(state.revision, revision)}
    if is_whole(paper):
        return {**last, "whole": revision, "is_correction": isinstance(paper, Corrected), "said": later}
    of_lines = dict.fromkeys((line.line_id for line in paper.lines), revision)
    return {**last, "whole": state.last_whole, "said": {**state.said, **of_lines}}
