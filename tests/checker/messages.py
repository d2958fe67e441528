"""Rules about messages: none is lost (1), none counts twice (8), no conflict goes unseen (11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.checker.killers import taken_for_killers
from tests.checker.ledger import APPLIED, CONFLICT, FINAL, OPEN, Ledger
from tests.checker.report import Invariant, Violation


def messages(ledger: Ledger) -> Iterator[Violation]:
    """Everything confirmed has one row or one dead letter, under its own key, with a verdict of the closed set."""
    yield from _rows_of_published(ledger)
    yield from _dead_letters(ledger)
    for row in ledger.evidence.inbox:
        name, sent = ledger.name(row.ref), ledger.origin(row)
        if sent is None:
            yield Violation(Invariant.NO_LOSS, name, "stands in the inbox, but nobody published it")
        elif row.key not in (sent.key, ledger.evidence.bindings.get(sent.key)):
            yield Violation(Invariant.NO_LOSS, name, f"was published for {sent.key}")
        if row.verdict not in OPEN | FINAL | {CONFLICT}:
            yield Violation(Invariant.NO_LOSS, name, f"has the verdict {row.verdict}, which is none")
        if row.verdict == "discarded" and not row.reason:
            yield Violation(Invariant.NO_LOSS, name, "was discarded, and nobody says by whom and why")
        if row.is_conflict != (row.verdict == CONFLICT) or (row.is_conflict and ledger.any_case(row.ref) is None):
            yield Violation(Invariant.CONFLICT_SEEN, name, f"is a conflict as {row.verdict} without a case")
    if ledger.evidence.in_queues:
        yield Violation(Invariant.LIVE, "broker", f"still has {ledger.evidence.in_queues} messages that nobody takes")


def _rows_of_published(ledger: Ledger) -> Iterator[Violation]:
    rows = Counter((row.source, row.id, row.content) for row in ledger.evidence.inbox)
    mains = Counter((row.source, row.id) for row in ledger.evidence.inbox if not row.is_conflict)
    applied = Counter(line.ref for line in ledger.evidence.timeline if line.what == APPLIED)
    confirmed = {
        (sent.source, sent.id, sent.content)
        for sent in ledger.evidence.published
        if sent.is_confirmed and not sent.is_bad
    }
    for identity in sorted(confirmed):
        source, id, _ = identity
        name = f"{ledger.first[identity].key} {source} {id}"
        if not rows[identity] and mains[source, id]:
            yield Violation(Invariant.CONFLICT_SEEN, name, "came with another content, and nobody sees it")
        elif not rows[identity]:
            yield Violation(Invariant.NO_LOSS, name, "was confirmed, and stands nowhere")
    for (source, id, _), count in rows.items():
        if count > 1:
            yield Violation(Invariant.REPLAY, f"{source} {id}", f"stands in the inbox {count} times")
    for (source, id), count in mains.items():
        if count > 1:
            yield Violation(Invariant.CONFLICT_SEEN, f"{source} {id}", f"stands for {count} messages")
    for ref, count in applied.items():
        if count > 1:
            yield Violation(Invariant.REPLAY, ledger.name(ref), f"was applied {count} times")


def _dead_letters(ledger: Ledger) -> Iterator[Violation]:
    buried = {letter.raw: letter for letter in ledger.evidence.dead_letters}
    bad = {sent.raw for sent in ledger.evidence.published if sent.is_bad}
    for sent in ledger.evidence.published:
        if sent.is_bad and sent.is_confirmed and sent.raw not in buried:
            yield Violation(Invariant.NO_LOSS, f"{sent.source} {sent.id}", "could not be read, and was not kept")
    explained = bad | taken_for_killers(ledger).buried
    for raw, letter in buried.items():
        if raw not in explained:
            yield Violation(Invariant.NO_LOSS, f"dead letter {letter.code}", "is a message that could be read")
