"""The checker: decides every invariant from the evidence alone, by rules of its own."""

from __future__ import annotations

from tests.checker.atomic import atomic
from tests.checker.effects import effects
from tests.checker.evidence import Evidence
from tests.checker.ledger import Ledger
from tests.checker.limits import limits
from tests.checker.live import live
from tests.checker.messages import messages
from tests.checker.numbers import numbers
from tests.checker.order import order
from tests.checker.report import Report
from tests.checker.totals import totals


def check(evidence: Evidence) -> Report:
    """Look at everything. The tenth invariant leaves no trace of its own: it is a cell of faults."""
    ledger = Ledger(evidence)
    rules = (messages, effects, atomic, order, numbers, limits, totals, live)
    found = [violation for rule in rules for violation in rule(ledger)]
    counts = {
        "published": len(evidence.published),
        "messages": len(evidence.inbox),
        "dead letters": len(evidence.dead_letters),
        "duplicates": sum(ledger.times.values()) - len(ledger.times),
        "commands": len(evidence.commands),
        "attempts": len(evidence.requests),
        "effects": len(evidence.effects),
        "open cases": sum(case.is_open for case in evidence.cases),
        **evidence.counts,
    }
    return Report(tuple(sorted(found, key=lambda each: each.invariant.value)), evidence.faults, counts)
