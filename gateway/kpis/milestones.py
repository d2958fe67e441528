"""Projects: which milestones are billed."""

from __future__ import annotations

from adapters.ports.kpis import Line
from gateway.kpis.measures import ZERO, Measure, Tally
from gateway.kpis.memories import Memories, Mended
from gateway.kpis.reading import confirmed, said

BILL = "milestone.bill"
REPAIRED = "project.repaired"


def count_project(line: Line, memories: Memories, tally: Tally) -> None:
    """A line of a project. What a repair has asked for was counted when it was billed first."""
    mended = memories.of(line.key, Mended) or Mended()
    command = confirmed(line, BILL)
    if said(line, REPAIRED) is not None:
        memories.put(line.key, mended.model_copy(update={"repairs": (*mended.repairs, line.version)}))
    elif command is not None and command.version not in mended.repairs:
        about = command.about
        tally.add(
            Measure.BILLED, line.at, legal_entity=about.legal_entity, currency=about.currency,
            total=about.amount or ZERO,
        )  # fmt: skip
