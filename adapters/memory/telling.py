"""Why a turn did not commit, once it is known what the others of its batch have inserted."""

from __future__ import annotations

from adapters.memory.checks import bound_to, fresh, identity, late, moved
from adapters.memory.tables import Tables
from adapters.ports.turns import Again, Duplicate, Refused, Turn
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey


def refusal(tables: Tables, turn: Turn) -> Refused:
    """The most telling reason, and all that stands in the way."""
    duplicates = tuple(
        Duplicate(judged.message.ref, tables.inbox[there].message.body_hash == judged.message.body_hash)
        for judged in fresh(turn)
        if (there := tables.identities.get(identity(judged))) is not None
    )
    taken = _taken(tables, turn)
    gone = late(tables, turn)
    if duplicates:
        why = Again.DUPLICATE
    elif taken:
        why = Again.TAKEN
    elif gone:
        why = Again.SETTLED
    elif moved(tables, turn):
        why = Again.REFERENCE
    else:
        why = Again.STALE_WRITER
    return Refused(why, duplicates, taken, gone)


def _taken(tables: Tables, turn: Turn) -> dict[Claim, ActorKey]:
    holders = {claim: tables.claims.get(claim) for claim in turn.claims}
    holders |= {Claim(EXTERNAL, external.id): bound_to(tables, external) for external in turn.binds}
    return {claim: holder for claim, holder in holders.items() if holder is not None and holder != turn.key}
