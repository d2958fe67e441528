"""A key before its turn, for the tests of the fold: what stands in its lane, what came, and what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.decision import Snapshot
from adapters.ports.pauses import Pause
from adapters.ports.turns import EMPTY_LANE, Lane, LaneMessage, Row
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.draft import Draft
from gateway.fold import fold
from gateway.retry import NextTry
from gateway.rules import Numbering, Rules
from gateway.surroundings import Surroundings
from schemas.keys import ActorKey
from schemas.sequence import Cursor, SequenceKind
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import ACTOR, NOW, POLICY, A, Job, Step, entry, message_of, read

RULES: Final = Rules(
    {"crm": Numbering(SequenceKind.CONTIGUOUS, 60.0), "hr": Numbering(SequenceKind.MONOTONIC, 60.0)}, patience=900.0
)


@dataclass
class Desk:
    """A key before its turn; `turn` takes it."""

    key: ActorKey = A
    state: Job = field(default_factory=Job)
    lane: Lane = EMPTY_LANE
    version: int = 0
    cursors: dict[str, Cursor] = field(default_factory=dict)
    rules: Rules = RULES
    pauses: tuple[Pause, ...] = ()
    references: dict[ActorKey, Snapshot] = field(default_factory=dict)
    fold: int = 100
    mailbox: int = 100
    retry_after: NextTry = lambda _class, tries: 5.0 if tries < 3 else None
    failed: list[Exception] = field(default_factory=list)
    activation: Activation = field(default_factory=lambda: Activation(A))

    def stands(self, *steps: Step, verdict: Verdict = Verdict.QUEUED, state: LaneState = LaneState.OPEN) -> Desk:
        """Let these steps stand in the lane."""
        self.lane = Lane(state, len(steps), 1 + len(steps))
        self.activation.lane = [
            LaneMessage(message_of(step.name, step), place, verdict if place == 1 else Verdict.QUEUED, 0)
            for place, step in enumerate(steps, 1)
        ]
        return self

    def came(self, *entries: Entry) -> Desk:
        """Let these come into the mailbox."""
        self.activation.mailbox.extend(entries)
        return self

    def heard(self, *answers: Answered) -> Desk:
        """Let these results come."""
        self.activation.answers.extend(answers)
        return self

    def knows(self, key: ActorKey, *steps: str, version: int = 1) -> Desk:
        """Let a job be loaded as a reference."""
        self.references[key] = Snapshot(key, version, Job(steps=steps) if steps else None)
        return self

    def turn(self) -> Draft:
        """Decide."""
        row = Row(self.key, 7, self.version, None, 0, self.lane, self.cursors)
        around = Surroundings(
            NOW, POLICY, self.rules, self.pauses, self.references, read,
            lambda _key, error: self.failed.append(error), self.retry_after, self.fold, self.mailbox,
        )  # fmt: skip
        return fold(ACTOR, self.activation, Memory(row, self.state), around)


def steps(draft: Draft) -> tuple[str, ...]:
    """What was applied."""
    assert isinstance(draft.state, Job)
    return draft.state.steps


def verdicts(draft: Draft) -> list[tuple[str, Verdict, int | None]]:
    """Message id, verdict, and place in the lane of all that was judged."""
    return [(judged.message.id, judged.verdict, judged.position) for judged in draft.turn.judged]


def codes(draft: Draft) -> list[str]:
    """The codes of the cases that are opened."""
    return [opened.case.failure.code for opened in draft.turn.opened]


def names(entries: Sequence[Entry]) -> list[str]:
    return [entry.message.id for entry in entries]


def number(value: int, step: Step | None = None, *, source: str = "crm") -> Entry:
    """Number so and so of a source, in the mailbox."""
    name = f"{source}{value}"
    came = entry(name, step or Step(name=name))
    message = came.message._replace(source=source, series=source, sequence=value)
    return Entry(message, read(message), came.receipt)
