"""The evidence with the indexes that several rules use."""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.checker.evidence import Case, Evidence, Inboxed, Line, Published

OPEN = frozenset({"queued", "waiting", "backoff", "parked"})
"""Verdicts of messages that stand in a lane."""
FINAL = frozenset({"applied", "ignored", "stale", "superseded", "rejected", "discarded"})
APPLIED, CONFLICT = "applied", "conflict"


class Ledger:
    """Who published what, which row it has, what the timeline says of it, and who looks after it."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.rows = {row.ref: row for row in evidence.inbox}
        self.entities = {entity.key: entity for entity in evidence.entities}
        self.commands = {command.id: command for command in evidence.commands}
        self.first: dict[tuple[str, str, str], Published] = {}
        """The first publication of each (source, id, content)."""
        self.times: Counter[tuple[str, str, str]] = Counter()
        for sent in sorted(evidence.published, key=lambda sent: sent.place):
            if not sent.is_bad:
                self.first.setdefault((sent.source, sent.id, sent.content), sent)
                self.times[sent.source, sent.id, sent.content] += 1
        self.lines: dict[str, list[Line]] = defaultdict(list)
        for line in evidence.timeline:
            self.lines[line.key].append(line)
        self.standing: dict[str, list[Inboxed]] = defaultdict(list)
        for row in evidence.inbox:
            if row.position is not None:
                self.standing[row.key].append(row)
        for rows in self.standing.values():
            rows.sort(key=lambda row: row.position or 0)

    def origin(self, row: Inboxed) -> Published | None:
        """What a row was published as."""
        return self.first.get((row.source, row.id, row.content))

    def published(self, ref: str | None) -> Published | None:
        """What the message of a line was published as."""
        row = self.rows.get(ref or "")
        return None if row is None else self.origin(row)

    def open_case(self, *, ref: str | None = None, command: str | None = None) -> Case | None:
        """The open case about a message or a command."""
        return next((case for case in self.evidence.cases if case.is_open and _is_about(case, ref, command)), None)

    def any_case(self, ref: str) -> Case | None:
        """A case about a message, open or closed."""
        return next((case for case in self.evidence.cases if _is_about(case, ref, None)), None)

    def name(self, ref: str | None) -> str:
        """A message as its sender calls it."""
        row = self.rows.get(ref or "")
        return f"message {ref}" if row is None else f"{row.key} {row.source} {row.id}"


def _is_about(case: Case, ref: str | None, command: str | None) -> bool:
    return (ref is not None and case.ref == ref) or (command is not None and case.command == command)
