"""A small story that kept every promise: what the tests of the checker spoil, one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from tests.checker.evidence import (
    Ack,
    Case,
    Command,
    DeadLetter,
    Effect,
    Entity,
    Evidence,
    Inboxed,
    Line,
    Published,
    Request,
    Sent,
    Step,
    Unsettled,
)

CRM: Final = "urn:crm"
PSA: Final = "urn:psa"
PROJECT: Final = "project/P"
SHEET: Final = "timesheet/S"
POISONED: Final = "timesheet/X"
WAITING: Final = "timesheet/W"
FIRST: Final = Step("erp", SHEET, "billable.post", "1")
SECOND: Final = Step("erp", SHEET, "billable.post", "2")
REFUSED: Final = Step("erp", PROJECT, "project.create", "shell")

WON: Final = Published(CRM, "won", PROJECT, "project.won", "c-won", "r-won", 1)
BILL: Final = Published(
    PSA, "s1", SHEET, "timesheet.approved", "c-s1", "r-s1", 2, needs=(PROJECT,), books=Decimal("5.00")
)
AGAIN: Final = replace(BILL, place=3)
OTHER: Final = Published(PSA, "s1", SHEET, "timesheet.approved", "c-other", "r-other", 4, needs=(PROJECT,))
MORE: Final = Published(PSA, "s2", SHEET, "timesheet.rejected", "c-s2", "r-s2", 5)
BAD: Final = Published(PSA, "", "", "", "", "r-bad", 6, is_bad=True)
POISON: Final = Published(PSA, "x1", POISONED, "timesheet.approved", "c-x1", "r-x1", 7, stops=True)
BEHIND: Final = Published(PSA, "x2", POISONED, "timesheet.approved", "c-x2", "r-x2", 8)
EARLY: Final = Published(PSA, "w1", WAITING, "timesheet.approved", "c-w1", "r-w1", 9, needs=("project/Q",))


def row(sent: Published, verdict: str = "applied", position: int | None = None, reason: str | None = None) -> Inboxed:
    """The row of a message; its reference is its id."""
    return Inboxed(sent.id, sent.source, sent.id, sent.key, sent.content, verdict, position, 0, reason)


def effect(step: Step, command: str, amount: str, generation: int = 1) -> Effect:
    """The effect of a command."""
    reference = f"{step.key}/{step.line}/{generation}"
    return Effect(step.system, step.operation, step.key, reference, command, f"b-{command}", Decimal(amount))


SMALL: Final = Evidence(
    published=(WON, BILL, AGAIN, OTHER, MORE, BAD, POISON, BEHIND, EARLY),
    inbox=(
        row(WON),
        row(BILL),
        Inboxed("s1 other", PSA, "s1", SHEET, "c-other", "conflict", is_conflict=True),
        row(MORE),
        row(POISON, "parked", 1, "wrong"),
        row(BEHIND, "queued", 2),
        row(EARLY, "waiting", 1),
    ),
    dead_letters=(DeadLetter("r-bad", "not_json"),),
    entities=(
        Entity(PROJECT, 1),
        Entity(SHEET, 4),
        Entity(POISONED, 0, "parked", 2, "wrong"),
        Entity(WAITING, 0, "waiting", 1, "project/Q is not there", "project/Q", 0),
    ),
    timeline=(
        Line(PROJECT, 1, "applied", "won", commit="a", at=1),
        Line(PROJECT, 1, "command_parked", command="p1", commit="b", at=3),
        Line(SHEET, 1, "applied", "s1", commit="c", at=4),
        Line(SHEET, 1, "conflict", "s1 other", commit="d", at=5),
        Line(SHEET, 2, "command_done", command="s1-1", commit="e", at=7),
        Line(SHEET, 3, "command_done", command="s1-2", commit="f", at=9),
        Line(SHEET, 4, "applied", "s2", commit="g", at=10),
        Line(POISONED, 0, "parked", "x1", commit="h", at=11),
        Line(POISONED, 0, "queued", "x2", commit="h", at=11),
        Line(WAITING, 0, "waiting", "w1", commit="i", at=12),
    ),
    cases=(
        Case(PROJECT, "refused", is_open=True, command="p1"),
        Case(SHEET, "id_reused", is_open=True, ref="s1 other"),
        Case(POISONED, "wrong", is_open=True, ref="x1"),
    ),
    commands=(
        Command("p1", REFUSED, 1, (1, 0)),
        Command("s1-1", FIRST, 1, (1, 0)),
        Command("s1-2", SECOND, 1, (1, 1)),
    ),
    outbox=(Unsettled("p1", (1, 0), is_parked=True),),
    sent=(Sent("p1", 1, "rejected"), Sent("s1-1", 1, "confirmed"), Sent("s1-2", 1, "confirmed")),
    requests=(
        Request("erp", "p1", f"{PROJECT}/shell/1", "b-p1", 2),
        Request("erp", "s1-1", f"{SHEET}/1/1", "b-s1-1", 6),
        Request("erp", "s1-2", f"{SHEET}/2/1", "b-s1-2", 8),
    ),
    effects=(effect(FIRST, "s1-1", "2.00"), effect(SECOND, "s1-2", "3.00")),
    acks=(Ack("won", was_durable=True),),
)
