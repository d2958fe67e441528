"""The core of a sandbox system: which posting makes an effect, which repeats an answer, which is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.books import Books, Written
from adapters.sandbox.entries import Entries, Hand, entry_of
from adapters.sandbox.journal import Effect, Journal, Line
from adapters.sandbox.postings import Posting
from adapters.sandbox.settings import SandboxSettings

_IN_PROGRESS: Final = Refusal(409, "in_progress", "The first request with this key is still at work.", retry_after=1)


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done under an idempotency key."""

    operation: str
    body_hash: str
    external_id: str


class Ledger:
    """Effects with their idempotency keys and references, each found by one look into a dict."""

    def __init__(self, settings: SandboxSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._books = Books(settings)
        self.entries = Entries()
        self.journal = Journal(settings.journal_file)
        self._by_key: dict[str, _Done] = {}
        self._by_reference: dict[tuple[str, str], str] = {}
        self._working: dict[str, Posting] = {}

    def open(self) -> None:
        """Take over what the journal's file holds."""
        for line in self.journal.open():
            self._index(line)

    def recall(self, posting: Posting) -> Made | Refusal | None:
        """The answer that stands already, from an earlier request with this key; None if there is none.

        draft-ietf-httpapi-idempotency-key-header-07 sections 2.6 and 2.7. A refused request leaves no trace, so that
        it can be sent again once what was missing is there.
        """
        first = self._by_key.get(posting.idempotency_key) or self._working.get(posting.idempotency_key)
        if first is None:
            return None
        if (first.operation, first.body_hash) != (posting.operation, posting.body_hash):
            detail = "This Idempotency-Key came before with another request; use a new key for a new request."
            return Refusal(422, "idempotency_key_reused", detail)
        return Made(first.external_id) if isinstance(first, _Done) else _IN_PROGRESS

    def begin(self, posting: Posting) -> None:
        """From now on the posting's key is in progress."""
        self._working[posting.idempotency_key] = posting

    def end(self, posting: Posting) -> None:
        """The posting's key is no longer in progress."""
        del self._working[posting.idempotency_key]

    def apply(self, posting: Posting) -> Made | Refusal:
        """Make the effect, whatever was done under this key before, unless the books or the reference forbid it."""
        existing = self.look_up(posting.operation, posting.reference)
        if existing is not None and self._settings.refuses_known_references:
            detail = f"There is an effect with the reference {posting.reference} already: {existing}."
            return Refusal(409, "reference_exists", detail, external_id=existing)
        seq = len(self.journal) + 1
        entry = self._books.check(posting.body, seq)
        if isinstance(entry, Refusal):
            return entry
        today = self._now().date()
        written = entry_of(posting.operation, posting.body, posting.raw, entry.external_id, posting.reference, today)
        line = Line(self._effect(posting, entry, seq), entry.external_id, written)
        self.journal.append(line)
        self._index(line)
        return Made(line.external_id)

    def look_up(self, operation: str, reference: str) -> str | None:
        """The id of the first effect with this reference; None if there is none."""
        return self._by_reference.get((operation, reference))

    def by_hand(self, hand: Hand) -> str:
        """Do to the books what somebody does there by hand; the id of the entry. Raises `UnknownEntry`.

        What was removed is not found by its reference any more, so the same may be posted again.
        """
        external_id, removed = self.entries.by_hand(hand)
        if removed is not None:
            gone = [asked for asked, id in self._by_reference.items() if id == external_id]
            for asked in gone:
                del self._by_reference[asked]
        return external_id

    def _effect(self, posting: Posting, entry: Written, seq: int) -> Effect:
        return Effect(
            seq=seq,
            system=self._settings.system,
            operation=posting.operation,
            key=posting.key,
            idempotency_key=posting.idempotency_key,
            body_hash=posting.body_hash,
            legal_entity=entry.legal_entity,
            amount=entry.amount,
            currency=entry.currency,
            reference=posting.reference,
            at=self._now().isoformat(),
            shown=entry.shown,
        )

    def _index(self, line: Line) -> None:
        effect = line.effect
        done = _Done(effect.operation, effect.body_hash, line.external_id)
        # The first answer stands: a second effect exists only where a key was ignored.
        self._by_key.setdefault(effect.idempotency_key, done)
        self._by_reference.setdefault((effect.operation, effect.reference), line.external_id)
        if line.entry is not None:
            self.entries.write(line.entry)
        self._books.record(effect.operation, line.external_id, effect.reference, effect.currency)
