"""Evidence: what was published, what stands in the store, and what the outside systems did, as plain frozen data.

A simulation and a run on real servers both fill it, each from its own sources. Keys are written `entity/id`, commands
are named by their id as text, and verdicts, lane states, and endings by the words that the store uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Published:
    """A message as its source published it, each publication one row.

    `key`: whose order it belongs to; of a source that uses its system's ids `external/system/kind/id`. `content` is a
    digest of type, subject, and data (see `content`), `raw` one of the bytes that were sent. `place` counts all
    publications in the order in which they were sent; only confirmed ones promise anything.

    What it means: `is_bad` can become no message; `needs` are keys that its decision relies on; `blocks` says that
    once it is applied, what needs its key must not be applied (True), or may be again (False); `stops` may park its
    key by its own content. `books` is the money that stands on the outside books for its key while it is the last
    applied message there that names any.
    """

    source: str
    id: str
    key: str
    type: str
    content: str
    raw: str
    place: int
    is_confirmed: bool = True
    sequence: int | None = None
    is_bad: bool = False
    needs: tuple[str, ...] = ()
    blocks: bool | None = None
    stops: bool = False
    books: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Inboxed:
    """A row of the inbox. A row of a conflict stands here under the source and id that its sender gave it."""

    ref: str
    source: str
    id: str
    key: str
    content: str
    verdict: str
    position: int | None = None
    attempts: int = 0
    reason: str | None = None
    is_conflict: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What could not become a message; `raw` is the digest of its bytes."""

    raw: str
    code: str
    seen: int = 1


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity's row. `target`, `seen`: what its lane waits for, and the version of that which the decision saw.

    `asks`: the topics that a person must settle, as far as its state says so; None where that is not known.
    `awaits`: the key whose answer it needs to go on.
    """

    key: str
    version: int
    lane: str = "open"
    depth: int = 0
    reason: str | None = None
    target: str | None = None
    seen: int | None = None
    asks: frozenset[str] | None = None
    awaits: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """What an operator has stopped: a key, an entity, a legal entity; nothing set: everything."""

    entity: str | None = None
    id: str | None = None
    legal_entity: str | None = None

    def may_hold(self, key: str) -> bool:
        """Whether `key` may stand still for it; what legal entity a key concerns is not known here."""
        entity, _, id = key.partition("/")
        return self.entity in (None, entity) and self.id in (None, id)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline: a verdict for `ref`, or what became of `command` (`command_done`, `command_parked`).

    `commit` is the same for all lines of one commit. `at` is a time on the clock of `Request.at` and no later than
    the commit, or None if the two cannot be compared.
    """

    key: str
    version: int
    what: str
    ref: str | None = None
    command: str | None = None
    commit: str = ""
    at: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What a person must settle, or has settled."""

    key: str
    code: str
    is_open: bool
    ref: str | None = None
    command: str | None = None
    topic: str | None = None
    """What of its key it is about; its message is only the one that opened it last."""


class Step(NamedTuple):
    """A command without its generation: what must take effect once at most."""

    system: str
    key: str
    operation: str
    line: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was ever queued. `place` is its order within (system, key), None where it was not kept."""

    id: str
    step: Step
    generation: int
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A row of the outbox; `place` as in `Command`. `amount` is the money that its body would move."""

    command: str
    place: tuple[int, int]
    is_parked: bool = False
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt of the sent log; `ending` is None where nobody recorded one."""

    command: str
    number: int
    ending: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """An attempt as it arrived at an outside system, in order of arrival; `command` is its idempotency key.

    Attempts that arrived together have one number, `batch`; None: it came alone.
    """

    system: str
    command: str
    reference: str
    body: str
    at: float | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A command that a process has leased to send it.

    `at`: when, by the store's clock; `walls`: by the process's own, each of them if it was set meanwhile. Those that
    the policy lets travel in one request have one name, `together`; None: it is a request of its own.
    """

    system: str
    command: str
    at: float
    walls: tuple[float, ...]
    together: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The limits of a system: requests per second and at once, per day, and at which hours.

    `day_begins` and `hours` are seconds of a day in UTC. `slack`: for how long after its hours something may be leased
    that was asked for within them.
    """

    system: str
    rate: float | None = None
    burst: int = 1
    quota: int | None = None
    day_begins: float = 0.0
    hours: tuple[float, float] | None = None
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """A row of an outside system's own journal, in order; `body` is the digest of what it was asked."""

    system: str
    operation: str
    key: str
    reference: str
    command: str
    body: str
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ack:
    """A delivery that was acked: what it was, and whether it was durable in that moment."""

    message: str
    was_durable: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """A person gave up waiting for the numbers up to `through` of a source about `key`, in the lane of key `lane`."""

    source: str
    key: str
    lane: str
    through: int


class Cell(NamedTuple):
    """A moment and the fault that befell it, both in the words of `cells`."""

    moment: str
    fault: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything, as it stands after the faults have ended and the world has settled.

    `commands` names all commands that stand anywhere else in it. `bindings`: external key to key. `pauses`: those in
    force at the end. `contiguous`: sources whose numbers have no gaps. `closings`: in the order in which people made
    them. `overdue`: sources of whose numbers whatever is missing has been so for longer than the policy allows.
    `forgotten`: commands that were sent in a time that a restore has undone, and not asked for again since.
    `claimed`: all claims there were, kept where `allowed` names limits. `in_queues`: messages that the broker still
    has. `untold`: commits whose notices nobody has published. `deaths`: tasks of the gateway that ended though they
    run for ever, and processes that should be ready and are not.
    """

    published: tuple[Published, ...] = ()
    inbox: tuple[Inboxed, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    entities: tuple[Entity, ...] = ()
    timeline: tuple[Line, ...] = ()
    cases: tuple[Case, ...] = ()
    commands: tuple[Command, ...] = ()
    outbox: tuple[Unsettled, ...] = ()
    sent: tuple[Sent, ...] = ()
    requests: tuple[Request, ...] = ()
    effects: tuple[Effect, ...] = ()
    claims: Mapping[tuple[str, str], str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    leases: tuple[tuple[str, str], ...] = ()
    wakes: tuple[str, ...] = ()
    pauses: tuple[Pause, ...] = ()
    acks: tuple[Ack, ...] = ()
    contiguous: frozenset[str] = frozenset()
    closings: tuple[Closing, ...] = ()
    forgotten: frozenset[str] = frozenset()
    claimed: tuple[Claim, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    overdue: frozenset[str] = frozenset()
    in_queues: int = 0
    untold: int = 0
    deaths: tuple[str, ...] = ()
    faults: Mapping[Cell, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    """Anything else worth telling: duplicates suppressed, stale writers, recoveries."""
