"""Rules about effects: at most one of each command (2), by keys and bodies that stay (3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.checker.evidence import Effect, Sent, Step
from tests.checker.ledger import Ledger
from tests.checker.report import Invariant, Violation

DEAL = "engagement/"
PUTS = frozenset({"customer.put"})
"""Operations that say all of a record, by lines that begin with its legal entity: the last one decides."""
DONE = "command_done"
PARKED = "command_parked"
ABSENT = "absent"
"""The ending that proves that nothing before it has landed or will."""
NO_EFFECT = frozenset({"rejected", "deferred", "unsent", "unanswered"})
"""Endings of attempts that have no effect of their own."""


def effects(ledger: Ledger) -> Iterator[Violation]:
    """Look at the journals, at what arrived there, and at the sent log."""
    yield from _one_effect(ledger)
    yield from _known_effects(ledger)
    yield from _one_body(ledger)
    yield from _generations(ledger)


def _one_effect(ledger: Ledger) -> Iterator[Violation]:
    counts: Counter[tuple[str, ...]] = Counter()
    for effect in ledger.evidence.effects:
        counts[effect.system, effect.operation, _without_generation(effect.reference)] += 1
    for place, count in counts.items():
        if count > 1:
            yield Violation(Invariant.ONE_EFFECT, " ".join(place), f"took effect {count} times")


def _known_effects(ledger: Ledger) -> Iterator[Violation]:
    """An effect belongs to a command that is open, or that a decision has settled, and that was not given up.

    What a restore has forgotten may still be missing while something of its key stands open, and no longer; so too
    while something of the deal of a project does, or of the customer that the deal awaits. A put says all of a record,
    so one that is forgotten is made good by the next that stands in the system, if the gateway knows of that one.
    """
    stopped = {key for key, rows in ledger.standing.items() if rows}
    stopped |= {ledger.commands[row.command].step.key for row in ledger.evidence.outbox}
    stopped |= {
        case.key
        for case in ledger.evidence.cases
        if case.is_open and (case.topic is not None or case.ref is None is case.command)
    }
    stopped |= {entity.key for entity in ledger.evidence.entities if entity.awaits in stopped}
    # A project asks for nothing until its deal, which has its name, has opened it.
    stopped |= {f"project/{key.removeprefix(DEAL)}" for key in stopped if key.startswith(DEAL)}
    known = {row.command for row in ledger.evidence.outbox}
    settled = {line.command for line in ledger.evidence.timeline if line.what in (DONE, PARKED)}
    done = {line.command for line in ledger.evidence.timeline if line.what == DONE}
    has_effect = {effect.command for effect in ledger.evidence.effects}
    last_put = {_record(effect): effect.command for effect in ledger.evidence.effects if effect.operation in PUTS}
    for effect in ledger.evidence.effects:
        if effect.command in ledger.evidence.forgotten:
            is_put_over = effect.operation in PUTS and last_put[_record(effect)] in known | settled
            if effect.key not in stopped and not is_put_over:
                why = f"took effect in {effect.system} before a restore, and nobody asks for it again"
                yield Violation(Invariant.ATOMIC, effect.reference, why)
        elif effect.command not in known | settled:
            yield Violation(Invariant.ATOMIC, effect.reference, f"took effect in {effect.system}, and nobody asked")
    log = _log(ledger)
    for command in sorted(filter(None, done - has_effect)):
        if _did_nothing(log[command]):
            continue  # it was refused, and its entity goes on without it
        name = f"{' '.join(ledger.commands[command].step)}" if command in ledger.commands else command
        yield Violation(Invariant.TOTALS, name, "counts as done, but its system has no effect of it")


def _one_body(ledger: Ledger) -> Iterator[Violation]:
    """One key, one reference, one body; and one key for each generation of a command."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    keys: dict[tuple[str, str], str] = {}
    for request in ledger.evidence.requests:
        sent = (request.reference, request.body)
        if seen.setdefault((request.system, request.command), sent) != sent:
            yield Violation(Invariant.STABLE_KEYS, request.reference, "came again under the same key, and differs")
        if request.command in ledger.evidence.forgotten:
            continue
        command = ledger.commands.get(request.command)
        operation = "" if command is None else command.step.operation
        if keys.setdefault((request.system, f"{operation} {request.reference}"), request.command) != request.command:
            yield Violation(Invariant.STABLE_KEYS, request.reference, "came again under another key")
        if command is None:
            yield Violation(Invariant.STABLE_KEYS, request.reference, "came under a key that no command has")


def _generations(ledger: Ledger) -> Iterator[Violation]:
    """A generation above the first follows one of which the log proves that it did nothing."""
    log = _log(ledger)
    by_step: dict[Step, dict[int, str]] = defaultdict(dict)
    for command in ledger.evidence.commands:
        by_step[command.step][command.generation] = command.id
    for step, generations in by_step.items():
        for generation in sorted(generations):
            if generation > 1 and not _did_nothing(log[generations.get(generation - 1, "")]):
                why = f"generation {generation} was made, and nothing proves that the one before did nothing"
                yield Violation(Invariant.STABLE_KEYS, " ".join(step), why)


def _log(ledger: Ledger) -> defaultdict[str, list[Sent]]:
    log: defaultdict[str, list[Sent]] = defaultdict(list)
    for attempt in ledger.evidence.sent:
        log[attempt.command].append(attempt)
    return log


def _did_nothing(attempts: Sequence[Sent]) -> bool:
    """Whether it was refused or absent, and since it was last absent no attempt may have landed."""
    over = max((each.number for each in attempts if each.ending == ABSENT), default=0)
    since = {each.ending for each in attempts if each.number > over}
    return (over > 0 or "rejected" in since) and since <= NO_EFFECT


def _record(effect: Effect) -> tuple[str, str, str]:
    """What a put says all of: the record of a key in a system, for one legal entity."""
    line = effect.reference.rpartition("/")[0].rpartition("/")[2]
    return effect.system, effect.key, line.partition(".")[0]


def _without_generation(reference: str) -> str:
    return reference.rpartition("/")[0]
