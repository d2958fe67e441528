"""Ledger: what stands in the books is passed on once, with what it is about under our own ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Snapshot
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.ledger.entity import Posting
from schemas.ledger.v1 import JournalPosted, RevenuePosted
from schemas.verdicts import Failure, FailureClass

DOCUMENTS: Final = ("customer", "contract", "project", "invoice")
"""What a posting may be about."""


def references(_state: Posting, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """Other systems' ids are passed on as ours where they are known."""
    if isinstance(event, Envelope) and isinstance(event.data, RevenuePosted | JournalPosted):
        return (key for _, key in _documents(event.data))
    return ()


def decide(state: Posting, event: Event, context: Context) -> Decision:
    """What a posting means; pure."""
    match event:
        case Envelope(data=RevenuePosted() as posting):
            return _passed_on(state, "revenue", posting, context)
        case Envelope(data=JournalPosted() as posting):
            return _passed_on(state, "journal", posting, context)
        case _:
            return Ignore("nothing else concerns a posting of the ledger")


def _passed_on(state: Posting, kind: str, posting: RevenuePosted | JournalPosted, context: Context) -> Decision:
    known = state.revenue or state.journal
    if known == posting:
        return Ignore("the posting was passed on already")
    if known is not None:
        reason = "the posting was told with another content: what is posted does not change, so send it as another one"
        return Reject(Failure(FailureClass.CONFLICT, "posting_differs", reason))
    attributes = {
        "legal_entity": posting.legal_entity,
        "account": posting.account,
        "amount": posting.amount.amount,
        "currency": posting.amount.currency,
        "posted_on": posting.posted_on.isoformat(),
        **{entity: str(context.find(key).key) for entity, key in _documents(posting)},
    }
    notice = Notice(f"{kind}_posted", attributes)
    return Accept(state.model_copy(update={kind: posting}), notices=(notice,))


def _documents(posting: RevenuePosted | JournalPosted) -> Iterator[tuple[str, ActorKey]]:
    """(entity, key) of each that it names."""
    for entity in DOCUMENTS:
        reference = getattr(posting, entity)
        if reference is not None:
            yield entity, reference.key(entity)


ACTOR = Actor("ledger", Posting, 1, decide, references)
