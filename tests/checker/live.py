"""Rules about going on: nothing stands without a reason that can be seen (9), or for a reason of another's (6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.checker.evidence import Entity, Published, Unsettled
from tests.checker.killers import taken_for_killers
from tests.checker.ledger import Ledger
from tests.checker.numbers import waits_for_number
from tests.checker.report import Invariant, Violation


def live(ledger: Ledger) -> Iterator[Violation]:
    """Look at lanes, commands, leases, wakes, and tasks, once the world has settled."""
    bindings = ledger.evidence.bindings
    forbidden = {bindings.get(sent.key, sent.key) for sent in ledger.evidence.published if sent.blocks}
    innocent = taken_for_killers(ledger).parked
    for entity in ledger.evidence.entities:
        if entity.lane == "paused" and not _is_paused(ledger, entity.key):
            yield Violation(Invariant.LIVE, entity.key, "its lane is paused, and no pause that holds it is in force")
        if entity.depth:
            yield from _lane(ledger, entity, forbidden, innocent)
        yield from _asked(ledger, entity)
    yield from _commands(ledger)
    for system, key in ledger.evidence.leases:
        yield Violation(Invariant.LIVE, f"{system} {key}", "is still leased, and nobody sends")
    for key in ledger.evidence.wakes:
        yield Violation(Invariant.LIVE, key, "left a wake that nobody takes")
    for death in ledger.evidence.deaths:
        yield Violation(Invariant.LIVE, death, "has ended, or is not ready")
    if ledger.evidence.untold:
        yield Violation(Invariant.LIVE, "notices", f"of {ledger.evidence.untold} commits were never published")


def _lane(ledger: Ledger, entity: Entity, forbidden: set[str], innocent: frozenset[str]) -> Iterator[Violation]:
    head = next(iter(ledger.standing[entity.key]), None)
    if entity.key in ledger.evidence.bindings:
        yield Violation(Invariant.LIVE, entity.key, "is bound, and messages still wait under it")
    if entity.lane == "open":
        yield Violation(Invariant.LIVE, entity.key, "its lane may run, and nobody takes it")
    elif not entity.reason:
        yield Violation(Invariant.LIVE, entity.key, f"its lane is {entity.lane}, and does not say why")
    if entity.target is not None:
        target = ledger.entities.get(entity.target)
        version = 0 if target is None else target.version
        if version != entity.seen:
            why = f"waits for {entity.target} as of version {entity.seen}, which has {version}"
            yield Violation(Invariant.LIVE, entity.key, why)
    if head is None:
        return
    sent = ledger.origin(head)
    case = ledger.open_case(ref=head.ref)
    if entity.lane == "parked" and case is None:
        yield Violation(Invariant.LIVE, ledger.name(head.ref), "is parked, and no case is open")
    may_stop = sent is None or head.ref in innocent or _may_stop(ledger, sent, forbidden)
    if entity.lane in ("parked", "backoff") and not may_stop:
        why = f"is {entity.lane} for no fault of its own: {'no case' if case is None else case.code}"
        yield Violation(Invariant.ISOLATION, ledger.name(head.ref), why)
    is_waiting = entity.lane == "waiting" and not entity.key.startswith("external/")
    if is_waiting and sent is not None and not sent.needs and not waits_for_number(ledger, entity, sent):
        yield Violation(Invariant.ISOLATION, ledger.name(head.ref), "waits, and needs nothing")


def _asked(ledger: Ledger, entity: Entity) -> Iterator[Violation]:
    """What a state asks of a person is what the open cases of its key are about."""
    if entity.asks is None:
        return
    topics = {case.topic for case in ledger.evidence.cases if case.is_open and case.key == entity.key and case.topic}
    for topic in sorted(entity.asks - topics):
        yield Violation(Invariant.LIVE, entity.key, f"asks a person about {topic}, and no case is open")
    for topic in sorted(topics - entity.asks):
        yield Violation(Invariant.LIVE, entity.key, f"asks nobody about {topic}, and its case is open")


def _may_stop(ledger: Ledger, sent: Published, forbidden: set[str]) -> bool:
    needs = (ledger.evidence.bindings.get(key, key) for key in sent.needs)
    return sent.stops or not forbidden.isdisjoint(needs)


def _is_paused(ledger: Ledger, key: str) -> bool:
    return any(pause.may_hold(key) for pause in ledger.evidence.pauses)


def _commands(ledger: Ledger) -> Iterator[Violation]:
    lanes: dict[tuple[str, str], list[Unsettled]] = defaultdict(list)
    for row in ledger.evidence.outbox:
        step = ledger.commands[row.command].step
        lanes[step.system, step.key].append(row)
    for (system, key), rows in lanes.items():
        head = min(rows, key=lambda row: row.place)
        if not head.is_parked and not _is_paused(ledger, key):
            yield Violation(Invariant.LIVE, f"{system} {key}", "has a command that may be sent, and nobody sends it")
        elif head.is_parked and ledger.open_case(command=head.command) is None:
            yield Violation(Invariant.LIVE, f"{system} {key}", "has a parked command, and no case is open")
