"""Rules about order (5): per key as its source sent, per (system, key) one command after the other.

What its source has numbered is judged in `numbers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.checker.effects import DONE
from tests.checker.evidence import Command, Line, Published, Step
from tests.checker.ledger import APPLIED, OPEN, Ledger
from tests.checker.report import Invariant, Violation

Pair = tuple[str, str]


class Arrival(NamedTuple):
    """When a request arrived, and which step of its key was right before it in the same request."""

    at: float
    before: Step | None


DECIDED = frozenset({"applied", "ignored", "rejected"})


def order(ledger: Ledger) -> Iterator[Violation]:
    """Look at what was applied, and at what reached the systems."""
    for lines in ledger.lines.values():
        yield from _applied(ledger, lines)
    yield from _overtaken(ledger)
    yield from _sent(ledger)


def _applied(ledger: Ledger, lines: Sequence[Line]) -> Iterator[Violation]:
    """What is applied of one source and subject is in the order in which it was sent."""
    last: dict[Pair, Published] = {}
    for line in lines:
        sent = ledger.published(line.ref)
        if line.what != APPLIED or sent is None or sent.sequence is not None:
            continue
        before = last.get((sent.source, sent.key))
        last[sent.source, sent.key] = sent
        if before is not None and before.place > sent.place:
            why = f"was applied after {before.id}, which was sent later"
            yield Violation(Invariant.ORDER, ledger.name(line.ref), why)
    versions = [line.version for line in lines if line.what == APPLIED]
    if versions != sorted(versions):
        yield Violation(Invariant.ORDER, lines[0].key, "its versions were not made in order")


def _overtaken(ledger: Ledger) -> Iterator[Violation]:
    """Nothing is applied while something that its source sent before is undecided; stale and discarded are not."""
    decided = [line for line in ledger.evidence.timeline if line.what in DECIDED]
    when = {line.ref: place for place, line in enumerate(decided)}
    subjects: dict[Pair, list[tuple[int, str]]] = defaultdict(list)
    for row in ledger.evidence.inbox:
        sent = ledger.origin(row)
        is_judged = sent is not None and sent.sequence is None and not row.is_conflict
        if sent is not None and is_judged and (row.verdict in OPEN or row.ref in when):
            subjects[sent.source, sent.key].append((sent.place, row.ref))
    for messages in subjects.values():
        messages.sort()
        latest, after = -1, ""
        for _, ref in messages:
            place = when.get(ref, len(decided))
            if place < latest:
                yield Violation(Invariant.ORDER, ledger.name(ref), f"overtook {ledger.name(after)}")
            elif place > latest:
                latest, after = place, ref


def _sent(ledger: Ledger) -> Iterator[Violation]:
    lanes: dict[Pair, list[Command]] = defaultdict(list)
    for command in _settled_first(ledger):
        lanes[command.step.system, command.step.key].append(command)
    effects: dict[Pair, list[str]] = defaultdict(list)
    for effect in ledger.evidence.effects:
        effects[effect.system, effect.key].append(effect.command)
    done = {line.command: line.at for line in ledger.evidence.timeline if line.what == DONE}
    came = _came(ledger)
    for pair, commands in lanes.items():
        placed = sorted((each for each in commands if each.place is not None), key=lambda each: each.place or (0, 0))
        found = dict.fromkeys(_in_turn(ledger, placed, effects[pair], came, done))
        if len(placed) < len(commands):
            found |= dict.fromkeys(_in_turn(ledger, commands, effects[pair], came, done))
        yield from found


def _came(ledger: Ledger) -> Mapping[str, Sequence[Arrival]]:
    """When requests arrived, by command; those without a time cannot be compared."""
    came: dict[str, list[Arrival]] = defaultdict(list)
    last: dict[tuple[str, int, str], Step] = {}
    for request in ledger.evidence.requests:
        command, before = ledger.commands.get(request.command), None
        if command is not None and request.batch is not None:
            place = (request.system, request.batch, command.step.key)
            before, last[place] = last.get(place), command.step
        if request.at is not None:
            came[request.command].append(Arrival(request.at, before))
    return came


def _in_turn(
    ledger: Ledger,
    commands: Sequence[Command],
    effects: Sequence[str],
    came: Mapping[str, Sequence[Arrival]],
    done: Mapping[str | None, float | None],
) -> Iterator[Violation]:
    """Of commands of one lane, in their order: each after the decision on the one before it, or right behind it.

    `effects` are those with effects, in order; `came` says when they were sent, `done` when they were decided. Right
    behind another one in its request a command takes effect only if that one has.
    """
    ranks = {command.id: rank for rank, command in enumerate(commands)}
    for before, after in pairwise(id for id in effects if id in ranks):
        if ranks[before] > ranks[after]:
            name = " ".join(ledger.commands[after].step)
            yield Violation(Invariant.ORDER, name, "took effect after one that comes behind it")
    for head, follower in pairwise(commands):
        name, decided, arrivals = " ".join(follower.step), done.get(head.id), came.get(follower.id, ())
        apart = [arrival.at for arrival in arrivals if arrival.before != head.step]
        if apart and (head.id not in done or (decided is not None and min(apart) < decided)):
            yield Violation(Invariant.ORDER, name, "was sent before the decision on the one before it")
        elif len(apart) < len(arrivals) and follower.id in effects and not (head.id in effects or head.id in done):
            yield Violation(Invariant.ORDER, name, "took effect, and the one before it has not")


def _settled_first(ledger: Ledger) -> list[Command]:
    """The settled commands in the order of their decisions, then the open ones: their order, where none was kept."""
    settled = [line.command for line in ledger.evidence.timeline if line.what == DONE and line.command is not None]
    places = {row.command: row.place for row in ledger.evidence.outbox}
    open_ones = sorted(places, key=lambda id: places[id])
    return [ledger.commands[id] for id in [*settled, *open_ones] if id in ledger.commands]
