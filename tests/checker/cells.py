"""The cells of faults: moments of a message's or command's life, and what may befall it then."""

from __future__ import annotations

from typing import Final

from tests.checker.evidence import Cell

KILL: Final = "kill"
LOST: Final = "connection lost"
CANCEL: Final = "cancel"
TIMEOUT: Final = "time-out"
FROZEN: Final = "frozen"

BEFORE_COMMIT: Final = "before or inside the transaction"
COMMIT: Final = "commit in flight"
COMMITTED: Final = "committed, not acked"
ACK: Final = "ack in flight"
LEASED: Final = "leased, perhaps sent"
REQUEST: Final = "request in flight, or answer not recorded"
RECORDING: Final = "recording of the result in flight"
PAST_LEASES: Final = "stopped past its leases, then resumed"
BULK: Final = "act half done"
STORE: Final = "store"
BROKER: Final = "broker"
SYSTEM: Final = "outside system"
SOURCE: Final = "source"
CLOCK: Final = "wall clock"
OPERATOR: Final = "operator"
GATE: Final = "gate holds back"

MOMENTS: Final = (BEFORE_COMMIT, COMMIT, COMMITTED, ACK, LEASED, REQUEST, RECORDING)
KINDS: Final = (KILL, LOST, CANCEL, TIMEOUT)

AWAY: Final = Cell(STORE, "away")
READ_ONLY: Final = Cell(STORE, "read-only")
RESTORED: Final = Cell(STORE, "restored to an earlier point")
FORGOTTEN: Final = Cell(STORE, "effect forgotten by a restore")
CUT: Final = Cell(BROKER, "connection cut")
CHANNEL: Final = Cell(BROKER, "channel closed")
STOPPED: Final = Cell(BROKER, "stopped")
ALARM: Final = Cell(BROKER, "alarm")
DELETED: Final = Cell(BROKER, "queue deleted")
ZOMBIE: Final = Cell(PAST_LEASES, FROZEN)
CLOCK_JUMP: Final = Cell(CLOCK, "an hour off")

THROTTLED: Final = Cell(SYSTEM, "throttles")
REJECTED: Final = Cell(SYSTEM, "rejects")
APPLIED_UNKNOWN: Final = Cell(SYSTEM, "applies, then no answer")
LATE: Final = Cell(SYSTEM, "applies late")
NO_ANSWER: Final = Cell(SYSTEM, "no answer, no effect")
IGNORES_KEY: Final = Cell(SYSTEM, "ignores the key")
ABSENT_EARLY: Final = Cell(SYSTEM, "absent, asked too early")
DOWN: Final = Cell(SYSTEM, "down")
HALF_A_BATCH: Final = Cell(SYSTEM, "applies half a batch")
LEFT_OUT: Final = Cell(SYSTEM, "leaves lines out of its answer")
NOT_BEGUN: Final = Cell(SYSTEM, "does not begin what is behind an undone one of its key")

HELD_BY_RATE: Final = Cell(GATE, "rate")
HELD_BY_QUOTA: Final = Cell(GATE, "quota")
HELD_BY_HOURS: Final = Cell(GATE, "window")

PAUSED: Final = Cell(OPERATOR, "pauses")
GAP_CLOSED: Final = Cell(OPERATOR, "closes a gap")

DUPLICATE: Final = Cell(SOURCE, "sent twice")
CONFLICT: Final = Cell(SOURCE, "id used again")
POISON: Final = Cell(SOURCE, "poison")
BAD: Final = Cell(SOURCE, "cannot be read")
EARLY: Final = Cell(SOURCE, "before what it needs")
OUT_OF_ORDER: Final = Cell(SOURCE, "number out of order")
NUMBER_TWICE: Final = Cell(SOURCE, "number used twice")
GIVEN_UP: Final = Cell(SOURCE, "number comes after its gap was closed")
OVERDUE: Final = Cell(SOURCE, "number missing past its deadline")
