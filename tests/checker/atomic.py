"""Rules about rows: verdict, state, lane, outbox, and timeline agree, and an ack comes after them (4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.checker.effects import DONE, PARKED
from tests.checker.evidence import Entity
from tests.checker.ledger import APPLIED, CONFLICT, FINAL, OPEN, Ledger
from tests.checker.report import Invariant, Violation

HEADS = {"waiting": {"waiting"}, "parked": {"parked"}, "backoff": {"backoff"}}
"""What the head of a stopped lane may be; what is open or paused says nothing of it."""


def atomic(ledger: Ledger) -> Iterator[Violation]:
    """Look at each entity, each message, and each command."""
    for ack in ledger.evidence.acks:
        if not ack.was_durable:
            yield Violation(Invariant.ATOMIC, ack.message, "was acked before it was durable")
    for entity in ledger.evidence.entities:
        yield from _lane(ledger, entity)
        if not entity.key.startswith("external/"):
            yield from _versions(ledger, entity)
    yield from _verdicts(ledger)
    yield from _commands(ledger)
    yield from _relied(ledger)


def _lane(ledger: Ledger, entity: Entity) -> Iterator[Violation]:
    rows = ledger.standing[entity.key]
    if len(rows) != entity.depth:
        yield Violation(Invariant.ATOMIC, entity.key, f"its lane is {entity.depth} deep and holds {len(rows)}")
    if len({row.position for row in rows}) != len(rows):
        yield Violation(Invariant.ATOMIC, entity.key, "two messages stand at one place of its lane")
    wanted = HEADS.get(entity.lane)
    if rows and wanted is not None and rows[0].verdict not in wanted:
        yield Violation(Invariant.ATOMIC, entity.key, f"its lane is {entity.lane}, its head {rows[0].verdict}")
    for row in rows[1:]:
        if row.verdict != "queued":
            yield Violation(Invariant.ATOMIC, ledger.name(row.ref), f"is {row.verdict} behind the head of its lane")


def _verdicts(ledger: Ledger) -> Iterator[Violation]:
    """The last line about a message says its verdict, unless something woke or moved it since."""
    last = {line.ref: line.what for line in ledger.evidence.timeline if line.ref is not None}
    for row in ledger.evidence.inbox:
        name, said = ledger.name(row.ref), last.get(row.ref)
        if (row.verdict in OPEN) != (row.position is not None):
            yield Violation(Invariant.ATOMIC, name, f"is {row.verdict} at the place {row.position}")
        if (row.verdict in FINAL or row.verdict == CONFLICT) and said != row.verdict:
            yield Violation(Invariant.ATOMIC, name, f"is {row.verdict}, and the timeline says {said}")
        if row.verdict in OPEN and said in FINAL:
            yield Violation(Invariant.ATOMIC, name, f"is {row.verdict}, and the timeline says {said}")
    for ref, said in last.items():
        if ref not in ledger.rows:
            yield Violation(Invariant.ATOMIC, f"message {ref}", f"is {said} in the timeline and not in the inbox")


def _versions(ledger: Ledger, entity: Entity) -> Iterator[Violation]:
    """Each version was made by one applied message, or by one result of a command."""
    lines = ledger.lines[entity.key]
    made = Counter(line.version for line in lines if line.what == APPLIED)
    for version, count in made.items():
        if count > 1 or not 0 < version <= entity.version:
            yield Violation(Invariant.ATOMIC, entity.key, f"version {version} of {entity.version} was made {count} ×")
    results = sorted((line.version for line in lines if line.what == DONE), reverse=True)
    for version in sorted(set(range(1, entity.version + 1)) - made.keys(), reverse=True):
        if not results or results.pop(0) < version:
            yield Violation(Invariant.ATOMIC, entity.key, f"nothing in the timeline made version {version}")
            return


def _commands(ledger: Ledger) -> Iterator[Violation]:
    said: dict[str | None, str] = {}
    done = Counter(line.command for line in ledger.evidence.timeline if line.what == DONE)
    for line in ledger.evidence.timeline:
        if line.what in (DONE, PARKED):
            said[line.command] = line.what
    for row in ledger.evidence.outbox:
        command = ledger.commands[row.command]
        name, entity = " ".join(command.step), ledger.entities.get(command.step.key)
        if said.get(row.command) == DONE:
            yield Violation(Invariant.ATOMIC, name, "is done, and still stands in the outbox")
        if row.is_parked and said.get(row.command) != PARKED:
            yield Violation(Invariant.ATOMIC, name, "is parked, and no decision says so")
        if entity is None or not 0 < row.place[0] <= entity.version:
            yield Violation(Invariant.ATOMIC, name, f"is of version {row.place[0]}, which its entity never had")
    for id, count in done.items():
        if count > 1:
            yield Violation(Invariant.ATOMIC, f"command {id}", f"was settled {count} times")


def _relied(ledger: Ledger) -> Iterator[Violation]:
    """Nothing asks for an effect while a commit before has blocked what it needs; one commit may do both, in its order.

    What a message finds booked already, or takes back, needs nobody's leave.
    """
    asked = {
        (command.step.key, command.place[0] if command.place else None)
        for command in ledger.evidence.commands
        if not command.step.operation.endswith(".reverse")
    }
    blocked_before: dict[str, bool] = {}
    blocked_now: dict[str, bool] = {}
    commit = None
    for line in ledger.evidence.timeline:
        if line.commit != commit:
            commit, blocked_before = line.commit, blocked_before | blocked_now
            blocked_now = {}
        sent = ledger.published(line.ref)
        if line.what != APPLIED or sent is None:
            continue
        for key in sent.needs if {(line.key, line.version), (line.key, None)} & asked else ():
            key = ledger.evidence.bindings.get(key, key)  # noqa: PLW2901  # what is needed, by our own name
            if blocked_before.get(key) and blocked_now.get(key, True):
                yield Violation(Invariant.ATOMIC, ledger.name(line.ref), f"was applied while {key} forbade it")
        if sent.blocks is not None:
            blocked_now[line.key] = sent.blocks
