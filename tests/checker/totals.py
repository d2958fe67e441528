"""Rules about sums (7): every message counts once, and the money on the books is the money that was applied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.checker.ledger import APPLIED, Ledger
from tests.checker.report import Invariant, Violation


def totals(ledger: Ledger) -> Iterator[Violation]:
    """Accepted is the sum over verdicts; applied is what is posted plus what is still open, unknown, or refused."""
    confirmed = {
        (sent.source, sent.id, sent.content)
        for sent in ledger.evidence.published
        if sent.is_confirmed and not sent.is_bad
    }
    rows = [row for row in ledger.evidence.inbox if (row.source, row.id, row.content) in confirmed]
    if len(rows) != len(confirmed):
        yield Violation(Invariant.TOTALS, "messages", f"{len(confirmed)} were accepted, and {len(rows)} have a verdict")
    yield from _money(ledger)


def _money(ledger: Ledger) -> Iterator[Violation]:
    applied: dict[str, Decimal] = {}
    for line in ledger.evidence.timeline:
        sent = ledger.published(line.ref)
        if line.what == APPLIED and sent is not None and sent.books is not None:
            applied[line.key] = sent.books
    posted: dict[str, Decimal] = defaultdict(Decimal)
    there = set()
    for effect in ledger.evidence.effects:
        if effect.command in ledger.evidence.forgotten:
            continue
        posted[effect.key] += effect.amount
        there.add(effect.command)
    waiting: dict[str, Decimal] = defaultdict(Decimal)
    for row in ledger.evidence.outbox:
        if row.command not in there:
            waiting[ledger.commands[row.command].step.key] += row.amount
    for key, amount in applied.items():
        if posted[key] + waiting[key] != amount:
            why = f"{amount} was applied; {posted[key]} is posted, and {waiting[key]} waits"
            yield Violation(Invariant.TOTALS, key, why)
