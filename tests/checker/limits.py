"""Rules about limits (12): a system is asked no more often, and at no other hours, than its policy allows.

What is claimed is counted, by the store's clock; each claim may come to one request at most, and waiting to none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from tests.checker.evidence import Allowed, Claim
from tests.checker.ledger import Ledger
from tests.checker.report import Invariant, Violation

DAY: Final = 86_400.0
ROUNDING: Final = 1e-5
"""Clocks are read to a millionth of a second."""


def limits(ledger: Ledger) -> Iterator[Violation]:
    """Look at all claims, then at those of each system that has limits."""
    claims: dict[str, list[Claim]] = defaultdict(list)
    for claim in ledger.evidence.claimed:
        claims[claim.system].append(claim)
    for allowed in ledger.evidence.allowed:
        of_system = sorted(claims[allowed.system], key=lambda claim: claim.at)
        firsts = list(_firsts(of_system))
        yield from _rate(allowed, firsts)
        yield from _quota(allowed, firsts)
        yield from _hours(allowed, of_system)
        yield from _arrived(ledger, allowed.system, len(firsts))
    if ledger.evidence.allowed:
        yield from _attempts(ledger)


def _firsts(claims: Sequence[Claim]) -> Iterator[Claim]:
    """Of claims for one request the first."""
    seen: set[str] = set()
    for claim in claims:
        if claim.together is None:
            yield claim
        elif claim.together not in seen:
            seen.add(claim.together)
            yield claim


def _arrived(ledger: Ledger, system: str, claimed: int) -> Iterator[Violation]:
    """However attempts are grouped on their way, no more requests arrive than were claimed."""
    requests = [request for request in ledger.evidence.requests if request.system == system]
    batches = {request.batch for request in requests if request.batch is not None}
    count = len(batches) + sum(request.batch is None for request in requests)
    if count > claimed:
        yield Violation(Invariant.LIMITS, system, f"{count} requests arrived, and {claimed} were claimed")


def _rate(allowed: Allowed, claims: Sequence[Claim]) -> Iterator[Violation]:
    """Within any span of time, no more than the burst and what the rate has added to it."""
    if allowed.rate is None:
        return
    least = 0.0
    for place, claim in enumerate(claims):
        credit = place - allowed.rate * (claim.at - claims[0].at)
        least = min(least, credit)
        if credit + 1 - least > allowed.burst + ROUNDING:
            why = f"was claimed beyond {allowed.rate} a second and {allowed.burst} at once"
            yield Violation(Invariant.LIMITS, f"{allowed.system} {claim.command}", why)
            return


def _quota(allowed: Allowed, claims: Sequence[Claim]) -> Iterator[Violation]:
    if allowed.quota is None:
        return
    days = Counter((claim.at - allowed.day_begins) // DAY for claim in claims)
    for count in days.values():
        if count > allowed.quota:
            why = f"{count} requests were claimed in a day of {allowed.quota}"
            yield Violation(Invariant.LIMITS, allowed.system, why)


def _hours(allowed: Allowed, claims: Sequence[Claim]) -> Iterator[Violation]:
    if allowed.hours is None:
        return
    opens, closes = allowed.hours
    for claim in claims:
        if not any(opens - ROUNDING <= wall % DAY < closes + allowed.slack for wall in claim.walls):
            yield Violation(Invariant.LIMITS, f"{allowed.system} {claim.command}", "was claimed outside of its hours")


def _attempts(ledger: Ledger) -> Iterator[Violation]:
    """Neither a request nor a logged attempt without its own claim: waiting spends none."""
    claims = Counter(claim.command for claim in ledger.evidence.claimed)
    requests = Counter(request.command for request in ledger.evidence.requests)
    logged: Counter[str] = Counter()
    for sent in ledger.evidence.sent:
        logged[sent.command] = max(logged[sent.command], sent.number)
    for what, counts in (("sent", requests), ("logged", logged)):
        for command, count in counts.items():
            if count > claims[command]:
                why = f"was {what} {count} times, and claimed {claims[command]} times"
                yield Violation(Invariant.LIMITS, f"command {command}", why)
