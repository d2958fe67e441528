"""Ports of replay: which messages, what each would do, and what became of it once its lane was let go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from adapters.ports.turns import LaneMessage
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, LaneState, Verdict

STOPPED: frozenset[LaneState] = frozenset({LaneState.PARKED, LaneState.WAITING, LaneState.BACKOFF})
"""Lanes that can be replayed: what stands in any other goes on by itself, or waits for the end of a pause."""


ROOM = 16 << 20
"""Bytes of bodies that a plan has in memory at once."""
PAUSED = "its lane is paused"
"""Why a message that was let go on did not run after all."""


class Mode(StrEnum):
    """What a replay is about."""

    STANDING = "standing"
    """Messages that stand still run again."""
    SENT = "sent"
    """Commands that a system has confirmed, and has lost, are sent again."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages of lanes that stand still; all that is given must be so.

    In mode `sent` which commands: those that `system` has confirmed from `since` on, of an entity or a key.

    `failure_class`, `code`, and `case` are of an open case of the message, `system` of one of its key. `since` and
    `until` are about when it was received, the second exclusive. `correlation` is the event's own attribute.
    """

    entity: str | None = None
    key: str | None = None
    type: str | None = None
    verdict: Verdict | None = None
    failure_class: FailureClass | None = None
    code: str | None = None
    case: int | None = None
    system: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    correlation: str | None = None
    mode: Mode = Mode.STANDING


class Phase(StrEnum):
    """How far a replay is: its plan is made, it is started, and its messages run. A plan may be cancelled, too."""

    DECIDING = "deciding"
    """What each message would do is being decided."""
    READY = "ready"
    """The plan can be started until it expires."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    """Nothing more is let go on; what was, runs to its end."""
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self in (Phase.CANCELLED, Phase.DONE)


class Change(NamedTuple):
    """A field of the entity's state that differs; a side is None where there is no such field. Values are JSON."""

    path: str
    before: str | None
    after: str | None


class Asked(NamedTuple):
    """A command that a message would ask for. `amount` is None where it moves no money."""

    system: str
    operation: str
    reference: str
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a message would come to. `code` is that of the case which it would open, if it would."""

    verdict: Verdict
    reason: str | None = None
    code: str | None = None
    commands: tuple[Asked, ...] = ()
    changes: tuple[Change, ...] = ()


class Outcome(StrEnum):
    """What came of a message, beside what was predicted."""

    AS_PLANNED = "as_planned"
    MOVED = "moved"
    """Something else, as what the prediction relied on has changed since: other traffic, or the policy."""
    OTHERWISE = "otherwise"
    """Something else, and nothing is known to have changed: look at it."""
    CHANGED = "changed"
    """The message or its lane was not as it was planned any more."""


class Fate(NamedTuple):
    """What became of one message. `verdict` is None for one that is not kept any more."""

    number: int
    outcome: Outcome
    verdict: Verdict | None
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A message of a replay, by its `number`. `is_chosen`: the filter named it, and not only another of its lane."""

    number: int
    ref: UUID
    key: ActorKey
    source: str
    id: str
    type: str
    was: Verdict
    is_chosen: bool
    prediction: Prediction | None = None
    fate: Fate | None = None


class Kind(NamedTuple):
    """Commands of one kind; `currency` is None where they move no money."""

    system: str
    operation: str
    currency: str | None


@dataclass(frozen=True, slots=True)
class Total:
    """How many commands, and their money."""

    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a whole plan comes to."""

    verdicts: Mapping[Verdict, int] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    commands: Mapping[Kind, Total] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether no message would stand still."""
        return all(verdict.is_final for verdict in self.verdicts)

    @property
    def money(self) -> Mapping[str, Decimal]:
        """What would be moved, by currency: what is taken back counts like what is booked."""
        moved: defaultdict[str, Decimal] = defaultdict(Decimal)
        for kind, total in self.commands.items():
            if kind.currency is not None:
                moved[kind.currency] += abs(total.amount)
        return moved


@dataclass(frozen=True, slots=True)
class Terms:
    """How a replay is carried out.

    `rate` is in messages a second; `stop_share` is the share of failures, above 0 and up to 1, at which it stops by
    itself, None for never.
    """

    name: str
    rate: int
    stop_share: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of messages. `failed` are those that stand parked or were rejected and were not predicted to.

    `outcomes` are of those that are settled. What is counted from the last start or resume is behind `*_before`.
    """

    released: int = 0
    settled: int = 0
    failed: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    released_before: int = 0
    settled_before: int = 0
    failed_before: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay, planned and perhaps started. Times are the store's clock.

    `decided` counts messages whose prediction is there. `policy` is what was in force when they were decided, `token`
    what a start names, `reason` why it was planned or, later, started, paused, or stopped. `version` rises with every
    change, and fences them. `resumed_under` is another policy with which somebody has resumed it knowingly.
    """

    id: int
    chosen: Chosen
    by: str
    reason: str
    planned_at: datetime
    phase: Phase
    keys: int
    messages: int
    matched: int
    version: int = 1
    decided: int = 0
    policy: str | None = None
    token: str | None = None
    expires_at: datetime | None = None
    outlook: Outlook = field(default_factory=Outlook)
    terms: Terms | None = None
    started_by: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    resumed_under: str | None = None

    def goes_by(self, policy: str | None) -> bool:
        """Whether it may go on under this policy: that of its plan, always, or that with which it was resumed."""
        return policy == self.policy or (self.resumed_under is not None and policy == self.resumed_under)

    @property
    def left(self) -> int:
        """Messages that were not let go on yet."""
        return self.messages - self.progress.released

    @property
    def is_plan(self) -> bool:
        """Whether it was not started."""
        return self.started_at is None


class ReplayTooLarge(ValueError):
    """The filter names lanes with more messages than one plan may hold."""

    def __init__(self, messages: int, most: int) -> None:
        super().__init__(f"{messages} messages stand in the lanes that it names, and one plan holds {most}")
        self.messages = messages
        self.most = most


class NothingChosen(LookupError):
    """No message in a lane that stands still is so."""


class ReplayNotFound(LookupError):
    """There is no such replay, or plan."""


class PlanExpired(RuntimeError):
    """Too much may have changed since the plan was made."""


class ReplayElsewhere(RuntimeError):
    """The replay is in a phase in which that cannot be done."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(f"replay {replay.id} is {replay.phase}")
        self.replay = replay


class ReplayClickReused(ValueError):
    """The caller's key belongs to another plan."""


class Steer(StrEnum):
    """What an operator does to a replay that was started."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


class Replays(Protocol):
    """What is shown of replays. All verbs raise `StoreUnavailable`."""

    async def replay(self, id: int) -> Replay | None:
        """One replay."""
        ...

    async def of_token(self, token: str) -> Replay | None:
        """The one whose plan has this token. Raises `PlanExpired` where that cannot be started any more."""
        ...

    async def page(self, *, plans: bool, before: int | None, limit: int) -> list[Replay]:
        """The newest that were started, or plans that were not, or those before one; newest first."""
        ...

    async def items(
        self, id: int, *, outcome: Outcome | None, predicted: Verdict | None, after: int, limit: int
    ) -> list[Item]:
        """Its messages behind number `after`, in the order in which they run."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class ReplayActs(Protocol):
    """What operators do about replays, audited. All verbs raise `StoreUnavailable`."""

    async def plan(
        self, chosen: Chosen, *, order: Sequence[str], most: int, by: str, reason: str, click: str
    ) -> Replay:
        """Freeze what is chosen: the messages, and whatever else stands in their lanes, which runs with them.

        In mode `sent` the commands. `order` is that of entities. The same `click` of the same caller again is the same
        plan. Raises `NothingChosen`, `ReplayTooLarge`, and `ReplayClickReused`.
        """
        ...

    async def start(self, token: str, terms: Terms, *, by: str, reason: str) -> Replay:
        """Start a plan; the same token and terms of the same caller again is the same start.

        Raises `ReplayNotFound`, `PlanExpired`, and `ReplayElsewhere`.
        """
        ...

    async def steer(
        self, id: int, steer: Steer, *, by: str, reason: str, policy: str | None = None, seen: Phase | None = None
    ) -> Replay:
        """Pause, resume, or cancel, a plan too; what is so already stays so.

        With `policy` it is resumed under that one, though its plan is of another. `seen` is the phase in which it was
        looked at: what was not paused then is not resumed, though it is by now.
        Raises `ReplayNotFound` and `ReplayElsewhere`.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Planned(NamedTuple):
    """A message to be decided. `kills`: it has ended the process, and runs by force alone."""

    number: int
    key: ActorKey
    message: LaneMessage
    kills: bool


class Sent(NamedTuple):
    """A command of a plan in mode `sent`; `is_kept`: what it said is there."""

    number: int
    command: Command
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Relied:
    """What predictions of one key stand on: entity versions of its own row and of other keys."""

    key: ActorKey
    versions: Mapping[ActorKey, int]


class PlanWork(Protocol):
    """How plans are made, by one process at a time. All verbs raise `StoreUnavailable`.

    A replay is written as it was read: if its version is another by now, which happens to a process that lost its hold
    unknowingly or when an operator was quicker, nothing is, and None is answered.
    """

    async def hold(self) -> bool:
        """Become the one that works on replays; False while another process does. Held until `close`."""
        ...

    async def deciding(self) -> Replay | None:
        """The oldest whose plan is being made."""
        ...

    async def planned(
        self, id: int, *, after: int, keys: Collection[ActorKey] | None, limit: int, room: int = ROOM
    ) -> list[Planned]:
        """Its messages behind number `after`, of these keys or of all, as far as they still stand in a lane.

        No further one once their bodies have `room` bytes: one is answered, however large.
        """
        ...

    async def sent(self, id: int, *, after: int, limit: int) -> list[Sent]:
        """Commands behind number `after` in mode `sent`: those of whole keys, of one at least."""
        ...

    async def predicted(
        self, replay: Replay, predictions: Mapping[int, Prediction], relied: Sequence[Relied], *, decided: int
    ) -> Replay | None:
        """Keep predictions by number, over earlier ones."""
        ...

    async def ready(
        self, replay: Replay, outlook: Outlook, *, policy: str | None, token: str, seconds: float
    ) -> Replay | None:
        """The plan is made; it can be started for so many seconds."""
        ...

    async def give_up(self, replay: Replay, why: str) -> None:
        """The plan cannot be made, and is cancelled; audited as the gateway's own act."""
        ...

    async def close(self) -> None:
        """Close the connection, and hold nothing any more."""
        ...


class Landed(NamedTuple):
    """A message whose lane has come to rest, or was not let go on for the reason `why`.

    `predicted` is None for one that was gone when the plan was made. `moved` are the keys that have another version
    than the prediction stood on.
    """

    number: int
    predicted: Verdict | None
    predicted_code: str | None
    verdict: Verdict | None
    code: str | None
    reason: str | None
    why: str | None
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What is under way: messages that have landed, as far as they were asked for, and how many are not recorded.

    `moving` run, or will by themselves; `resting` stand in lanes that wait or back off, and may run again later.
    """

    landed: Sequence[Landed] = ()
    moving: int = 0
    resting: int = 0


class Released(NamedTuple):
    """The replay after further lanes were let go on, and the keys that may run."""

    replay: Replay
    keys: Sequence[ActorKey]


class JobWork(Protocol):
    """How started replays come along; held and fenced as `PlanWork`. All verbs raise `StoreUnavailable`."""

    async def started(self) -> list[Replay]:
        """Those that are not over, the oldest first."""
        ...

    async def release(self, replay: Replay, *, allow: int, most: int, moving: bool) -> Released | None:
        """Let further lanes go on, in order, until they hold `allow` messages: at least one lane, at most `most`.

        All of them are of one entity, and while earlier ones are `moving` of theirs: what others refer to comes to rest
        first.
        A lane whose head is not the planned one any more, or that does not stand still, is left alone, and so is one
        whose head has ended the process. Cases of messages that run again are closed, and that is told.

        In mode `sent` what was predicted to be applied goes back into the outbox; a key that has open commands for the
        system, or of which it has confirmed others since, is left alone.
        """
        ...

    async def look(self, replay: Replay, *, limit: int, final: bool) -> Look:
        """What has landed: up to `limit` lanes. Lanes that wait or back off count as landed only at the end.

        That one of these runs again may be seen some looks later, if there are many. What stands in a lane that is
        paused has landed for the reason `PAUSED`, unless that was predicted.
        """
        ...

    async def record(self, replay: Replay, fates: Sequence[Fate], progress: Progress) -> Replay | None:
        """Keep what became of messages, whole lanes at a time, and the counts with them."""
        ...

    async def stop(self, replay: Replay, why: str) -> None:
        """Pause it, because too much fails or its plan says nothing any more; audited as the gateway's own act."""
        ...

    async def end(self, replay: Replay) -> None:
        """It is done, or cancelled; audited as the gateway's own act."""
        ...
