"""Commands that travel together: each is sent once and has one outcome of its own, however they are grouped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ports.gate import BreakerRule, Heard, Speech
from adapters.ports.outbox import Attempt, Ending, Leased
from adapters.ports.system import NOT_BEGUN, Absent, Capability, Upsert
from gateway.attempt import Attempts, Stepped
from gateway.batching import Batches, BatchRule, Sent
from gateway.hearing import Ear, speaker
from gateway.retry import Retries
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown, command_id, command_reference
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.runtime.virtual import run

RULE = BreakerRule()
EAR = Ear(RULE, Retries(), 60.0)
WAIT = 0.05
REFUSED = Rejected(Failure(FailureClass.BUSINESS_RULE, "refused", "not like this"))
LOST = Unknown(Failure(FailureClass.TIMEOUT, "timeout", "no answer came"))
BUSY = Deferred(Failure(FailureClass.RATE_LIMITED, "busy", "later"), 3.0)
EXPIRED = Deferred(Failure(FailureClass.AUTH, "http_401", "the token has run out"), None)
KEYED = Capability(Upsert.NONE, key_window=86_400, unique_reference=False, look_up=True, late_bound=60)


def command(number: int, legal_entity: str | None = "DE01", operation: str = "billable.post") -> Command:
    key = ActorKey("timesheet", f"{number}")
    body = b"{}" if legal_entity is None else b'{"legal_entity":"%s"}' % legal_entity.encode()
    identity = ("erp", operation, key, "1", 1)
    return Command(command_id(*identity), *identity, body, command_reference(key, "1", 1))


@dataclass
class Bulk:
    """A system that takes batches. `requests` are the ids of each request, in the order in which they came.

    A request that holds one of `poison` is refused as a whole; `outcomes` says what else comes of a command.
    """

    seconds: float = 0.01
    poison: frozenset[UUID] = frozenset()
    outcomes: dict[UUID, Outcome] = field(default_factory=dict)
    requests: list[list[UUID]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    raises: bool = False
    leaves_out: int = 0
    name: str = "erp"

    def capability(self, operation: str) -> Capability:
        return KEYED

    async def send(self, command: Command) -> Outcome:
        [outcome] = await self._exchange([command])
        return REFUSED if command.id in self.poison else outcome

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome] | Rejected:
        outcomes = await self._exchange(commands)
        outcomes = outcomes[: len(outcomes) - self.leaves_out]
        return REFUSED if any(each.id in self.poison for each in commands) else outcomes

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        return Absent()

    async def close(self) -> None:
        return

    async def _exchange(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        self.requests.append([each.id for each in commands])
        self.at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        if self.raises:
            raise KeyError("an adapter with a bug")
        return [self.outcomes.get(each.id, Confirmed(str(each.id))) for each in commands]

    @property
    def sizes(self) -> list[int]:
        return [len(request) for request in self.requests]


def batches(system: Bulk, size: int = 3, wait: float = WAIT) -> Batches:
    return Batches(system, EAR, {"billable.post": BatchRule(size, wait)})


async def send(through: Batches, command: Command, *, alone: bool = False) -> Sent:
    [sent] = await through.send([command], alone=alone)
    return sent


async def sent(through: Batches, commands: Sequence[Command]) -> list[Sent]:
    return await asyncio.gather(*(send(through, each) for each in commands))


async def step(attempts: Attempts, leased: Leased) -> Stepped:
    [stepped] = await attempts.step([leased])
    return stepped


# ------------------------------------------------------------------------------------------------------- size and time


def test_a_full_batch_leaves_at_once() -> None:
    async def story() -> None:
        erp = Bulk(seconds=0.0)
        await sent(batches(erp), [command(n) for n in range(6)])
        assert (erp.sizes, asyncio.get_running_loop().time() < WAIT) == ([3, 3], True)

    run(story())


def test_what_is_not_full_leaves_when_its_first_command_has_waited() -> None:
    async def story() -> None:
        erp = Bulk()
        through = batches(erp)
        first = asyncio.create_task(send(through, command(1)))
        await asyncio.sleep(WAIT / 2)
        await send(through, command(2))
        await first
        assert erp.sizes == [2]
        assert erp.at[0] == pytest.approx(WAIT)

    run(story())


def test_a_group_waits_for_itself_alone() -> None:
    async def story() -> None:
        erp = Bulk(seconds=5.0)
        through = batches(erp)
        alone = asyncio.create_task(send(through, command(9, "US01")))
        others = asyncio.create_task(sent(through, [command(n) for n in range(3)]))
        single = asyncio.create_task(send(through, command(10, operation="customer.put")))
        await asyncio.sleep(WAIT * 2)
        assert sorted(erp.sizes) == [1, 1, 3]
        assert max(erp.at) == pytest.approx(WAIT), "neither a full batch nor a slow answer held the others up"
        await asyncio.gather(alone, others, single)

    run(story())


def test_legal_entities_and_operations_are_never_mixed() -> None:
    async def story() -> None:
        erp = Bulk()
        rules = {"billable.post": BatchRule(9, WAIT), "billable.reverse": BatchRule(9, WAIT)}
        through = Batches(erp, EAR, rules)
        commands = [
            command(n, entity, operation)
            for n, (entity, operation) in enumerate(
                (entity, operation) for entity in ("DE01", "US01", None) for operation in rules for _ in range(2)
            )
        ]
        await sent(through, commands)
        groups = {each.id: (each.operation, each.body) for each in commands}
        assert erp.sizes == [2] * 6
        assert all(len({groups[id] for id in request}) == 1 for request in erp.requests)

    run(story())


def test_a_drain_flushes_and_nothing_waits_any_more() -> None:
    async def story() -> None:
        erp = Bulk(seconds=0.0)
        through = batches(erp, wait=60)
        waiting = asyncio.create_task(sent(through, [command(1), command(2)]))
        await asyncio.sleep(1)
        assert erp.requests == []
        through.flush()
        await waiting
        await send(through, command(3))
        assert erp.sizes == [2, 1]
        assert asyncio.get_running_loop().time() < 2

    run(story())


# ------------------------------------------------------------------------------------------------- one outcome for each


def test_each_line_has_its_own_outcome() -> None:
    async def story() -> None:
        lines = [command(n) for n in range(3)]
        erp = Bulk(outcomes={lines[1].id: REFUSED, lines[2].id: LOST})
        found = await sent(batches(erp), lines)
        assert [each.outcome for each in found] == [Confirmed(str(lines[0].id)), REFUSED, LOST]

    run(story())


def test_a_request_refused_as_a_whole_is_halved_until_the_refused_line_stands_alone() -> None:
    async def story() -> None:
        lines = [command(n) for n in range(8)]
        erp = Bulk(poison=frozenset({lines[5].id}))
        found = await sent(batches(erp, size=8), lines)
        assert [each.outcome for each in found].index(REFUSED) == 5
        assert sum(isinstance(each.outcome, Confirmed) for each in found) == 7
        assert erp.sizes == [8, 4, 4, 2, 1, 1, 2]

    run(story())


def test_an_attempt_without_a_clear_end_is_repeated_alone() -> None:
    async def story() -> None:
        erp = Bulk(seconds=0.0)
        attempts = Attempts(erp, Retries(), EAR, lambda: 0.5, {"billable.post": BatchRule(3, WAIT)})
        earlier = (Attempt(1, Ending.UNKNOWN, 10.0, 5.0),)
        token = UUID(int=1)
        doubtful = asyncio.create_task(step(attempts, Leased(command(1), token, 2, earlier)))
        fresh = [asyncio.create_task(step(attempts, Leased(command(n), token, 1, ()))) for n in (2, 3)]
        await asyncio.gather(doubtful, *fresh)
        assert sorted(erp.sizes) == [1, 2]

    run(story())


def test_a_bug_of_the_adapter_leaves_every_line_unknown() -> None:
    async def story() -> None:
        attempts = Attempts(Bulk(raises=True), Retries(), EAR, lambda: 0.5, {"billable.post": BatchRule(3, WAIT)})
        steps = await asyncio.gather(*(step(attempts, Leased(command(n), UUID(int=1), 1, ())) for n in range(3)))
        assert [record.ending for _, record in steps] == [Ending.UNKNOWN] * 3
        assert {record.code for _, record in steps} == {"adapter_raised"}

    run(story())


def test_too_few_outcomes_say_nothing_of_any_line() -> None:
    async def story() -> None:
        erp = Bulk()
        erp.leaves_out = 1
        attempts = Attempts(erp, Retries(), EAR, lambda: 0.5, {"billable.post": BatchRule(3, WAIT)})
        steps = await asyncio.gather(*(step(attempts, Leased(command(n), UUID(int=1), 1, ())) for n in range(3)))
        assert [record.ending for _, record in steps] == [Ending.UNKNOWN] * 3

    run(story())


def test_a_line_that_is_cancelled_takes_no_other_with_it() -> None:
    async def story() -> None:
        erp = Bulk()
        through = batches(erp)
        first, second, third = (asyncio.create_task(send(through, command(n))) for n in range(3))
        await asyncio.sleep(0.001)
        second.cancel()
        done = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [type(each) for each in done] == [Sent, asyncio.CancelledError, Sent]

    run(story())


# ----------------------------------------------------------------------------------------------- what the system shows


@pytest.mark.parametrize(
    ("others", "speech", "wait"),
    [
        (Confirmed("1"), Speech.WELL, None),
        (REFUSED, Speech.WELL, None),
        (LOST, Speech.FAILED, None),
        (BUSY, Speech.NEITHER, 3.0),
        (EXPIRED, Speech.REFUSED, None),
    ],
)
def test_a_request_is_heard_once(others: Outcome, speech: Speech, wait: float | None) -> None:
    async def story() -> None:
        lines = [command(n) for n in range(3)]
        found = await sent(batches(Bulk(outcomes={each.id: others for each in lines})), lines)
        assert [each.heard for each in found if each.heard is not None] == [Heard(speech, RULE, wait)]

    run(story())


def test_a_failure_counts_only_where_nothing_shows_that_the_system_works() -> None:
    well, failed = EAR.heard(Confirmed("1")), EAR.heard(LOST)
    assert speaker([failed, well, failed]) == 1
    assert speaker([well, EAR.heard(BUSY), failed]) == 1
    assert speaker([EAR.heard(BUSY), EAR.heard(EXPIRED), well]) == 1


def test_what_holds_the_system_back_delays_no_line_of_its_own() -> None:
    async def story() -> None:
        lines = [command(n) for n in range(3)]
        erp = Bulk(outcomes={each.id: BUSY for each in lines})
        attempts = Attempts(erp, Retries(), EAR, lambda: 0.5, {"billable.post": BatchRule(3, WAIT)})
        steps = await asyncio.gather(*(step(attempts, Leased(each, UUID(int=1), 1, ())) for each in lines))
        assert [(record.ending, record.hold) for _, record in steps] == [(Ending.DEFERRED, 0.0)] * 3

    run(story())


# ------------------------------------------------------------------------------------------------------------ runs


def run_of(key: int, count: int) -> list[Command]:
    """Commands of one key."""
    first = command(key)
    return [first._replace(id=UUID(int=1000 * key + line), line=f"{line}") for line in range(1, count + 1)]


def test_a_run_stays_in_one_request() -> None:
    async def story() -> None:
        erp = Bulk(seconds=0.0)
        through = batches(erp, size=5)
        runs = [run_of(1, 3), run_of(2, 3), run_of(3, 2)]
        found = await asyncio.gather(*(through.send(each) for each in runs))
        assert erp.requests == [[each.id for each in runs[0]], [each.id for each in (*runs[1], *runs[2])]]
        assert [[sent.outcome for sent in each] for each in found] == [
            [Confirmed(str(each.id)) for each in run] for run in runs
        ]

    run(story())


def test_a_run_that_is_refused_as_a_whole_is_sent_up_to_what_is_refused() -> None:
    async def story() -> None:
        first, second = run_of(1, 5), run_of(2, 3)
        erp = Bulk(poison=frozenset({first[2].id}))
        through = batches(erp, size=8)
        found, others = await asyncio.gather(through.send(first), through.send(second))
        done = [Confirmed(str(each.id)) for each in first[:2]]
        assert [sent.outcome for sent in found] == [*done, REFUSED, NOT_BEGUN, NOT_BEGUN]
        assert [sent.outcome for sent in others] == [Confirmed(str(each.id)) for each in second]
        arrived = [request for request in erp.requests if first[2].id not in request]
        assert not any(each.id in request for each in first[3:] for request in arrived)

    run(story())


@pytest.mark.parametrize(
    ("first", "speech"), [(LOST, Speech.FAILED), (REFUSED, Speech.WELL), (NOT_BEGUN, Speech.NEITHER)]
)
def test_what_was_not_begun_says_nothing_of_the_system(first: Outcome, speech: Speech) -> None:
    async def story() -> None:
        # Given a system that fails at the first line of a run, and answers 424 for those that follow it
        lines = run_of(1, 3)
        erp = Bulk(outcomes={lines[0].id: first} | {each.id: NOT_BEGUN for each in lines[1:]})
        found = await batches(erp).send(lines)
        assert [sent.outcome for sent in found] == [first, NOT_BEGUN, NOT_BEGUN]
        assert [sent.heard for sent in found if sent.heard is not None] == [Heard(speech, RULE)]

    run(story())


def test_what_we_did_not_send_says_nothing_of_the_system() -> None:
    async def story() -> None:
        # Given a batch that is refused as a whole, and then a system that fails
        lines = run_of(1, 4)
        erp = Bulk(poison=frozenset({lines[3].id}), outcomes={each.id: LOST for each in lines})
        found = await batches(erp, size=4).send(lines)
        assert [sent.outcome for sent in found] == [LOST, LOST, NOT_BEGUN, NOT_BEGUN]
        assert [sent.heard for sent in found if sent.heard is not None] == [Heard(Speech.FAILED, RULE)]

    run(story())


def test_several_of_one_key_never_go_where_commands_go_one_by_one() -> None:
    async def story() -> None:
        erp = Bulk()
        with pytest.raises(ValueError, match="too many values"):
            await Batches(erp, EAR, {}).send(run_of(1, 2))
        assert erp.requests == []

    run(story())


LINES = st.lists(st.sampled_from([None, REFUSED, LOST, BUSY]), min_size=2, max_size=6)


@given(LINES)
def test_results_of_a_run_are_told_up_to_the_first_that_is_not_confirmed(said: list[Outcome | None]) -> None:
    async def story() -> None:
        # Given a system that answers as it likes, also where it should not have begun
        commands = run_of(1, len(said))
        outcomes = {each.id: out for each, out in zip(commands, said, strict=True) if out is not None}
        erp = Bulk(seconds=0.0, outcomes=outcomes)
        attempts = Attempts(erp, Retries(), EAR, lambda: 0.5, {"billable.post": BatchRule(9, 0.0, in_order=True)})
        steps = await attempts.step([Leased(each, UUID(int=1), 1, ()) for each in commands])
        # Then what is done behind is written down, and read back when it is the head
        stop = next((place for place, out in enumerate(said) if out is not None), len(said))
        told = [record.hold is None for _, record in steps]
        assert told == [place < stop for place in range(len(said))]
        assert [record.ending is Ending.CONFIRMED for _, record in steps] == [out is None for out in said]

    run(story())


# -------------------------------------------------------------------------------------------------------- any grouping


lines_of_work = st.lists(
    st.tuples(
        st.sampled_from(["DE01", "US01", None]),
        st.sampled_from(["well", "refused", "lost", "busy", "poison"]),
        st.sampled_from(["billable.post", "billable.reverse", "customer.put"]),
        st.floats(0, 0.2),
        st.booleans(),
    ),
    max_size=30,
)
OUTCOMES: dict[str, Outcome] = {"refused": REFUSED, "lost": LOST, "busy": BUSY, "poison": REFUSED}


@settings(max_examples=200, deadline=None)
@given(lines_of_work, st.integers(1, 7), st.floats(0, 0.1), st.one_of(st.none(), st.floats(0, 0.2)))
def test_however_they_are_grouped_each_command_has_its_own_outcome_once(
    work: list[tuple[str | None, str, str, float, bool]], size: int, wait: float, drained_at: float | None
) -> None:
    async def story() -> None:
        # Given commands of some groups that come at some times, some of them to be sent alone
        commands = [command(n, entity, operation) for n, (entity, _, operation, _, _) in enumerate(work)]
        expected = [
            OUTCOMES.get(kind, Confirmed(str(each.id))) for (_, kind, *_), each in zip(work, commands, strict=True)
        ]
        poison = frozenset(each.id for (_, kind, *_), each in zip(work, commands, strict=True) if kind == "poison")
        erp = Bulk(poison=poison, outcomes={each.id: out for each, out in zip(commands, expected, strict=True)})
        through = Batches(erp, EAR, {name: BatchRule(size, wait) for name in ("billable.post", "billable.reverse")})

        async def come(each: Command, at: float, *, alone: bool) -> Sent:
            await asyncio.sleep(at)
            return await send(through, each, alone=alone)

        if drained_at is not None:
            asyncio.get_running_loop().call_later(drained_at, through.flush)
        # When they are sent
        found = await asyncio.gather(
            *(come(each, at, alone=alone) for each, (*_, at, alone) in zip(commands, work, strict=True))
        )
        # Then each has what came of it, no batch is too large or mixed, and one line speaks for each request
        assert [each.outcome for each in found] == expected
        groups = {each.id: (each.operation, each.body) for each in commands}
        for request in erp.requests:
            assert len(request) <= size
            assert len({groups[id] for id in request}) == 1
        answered = Counter(id for request in erp.requests if not poison.intersection(request) for id in request)
        assert all(count == 1 for count in answered.values()), "nothing that was taken was sent again"
        assert set(answered) == {each.id for each in commands} - poison
        voices = [each for each in found if each.heard is not None]
        assert len(voices) <= len(erp.requests)
        assert len(voices) >= len(commands) / size

    run(story())
