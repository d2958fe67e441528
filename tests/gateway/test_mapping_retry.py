"""A new policy lets go on what lacks a mapping: lanes by a retry, topics by an act, each once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from adapters.memory.store import MemoryStore
from adapters.ports.turns import Committed, Opened, Turn
from gateway.backoff import Backoff
from gateway.mapping_retry import MappingRetry
from gateway.policies import PolicyBook
from gateway.policy_file import parse_policy
from gateway.readmission import NotTaking
from schemas.acts import Act, Acted
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, batch, message, queued
from tests.gateway.http.stand import EXAMPLE, Texts

UNMAPPED = Failure(FailureClass.MAPPING, "legal_entity_unmapped", "add it")
WRONG = Failure(FailureClass.BUSINESS_RULE, "hours_insane", "correct it")
THIRD = ActorKey("timesheet", "T-3")


@dataclass
class Floor:
    """Keys that stand still, and who is told to go on."""

    poked: list[ActorKey] = field(default_factory=list)
    acts: list[tuple[ActorKey, Acted, str]] = field(default_factory=list)
    unknown: set[ActorKey] = field(default_factory=set)
    is_closing: bool = False

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: 1000.0)
        self.clients = self.store.clients()
        texts = Texts()
        self.book = PolicyBook(parse_policy(EXAMPLE, "x"), self.clients.policies, Backoff(), texts)
        self.retry = MappingRetry(
            self.book, self.clients.unmapped, self.clients.acts, self.poked.append, Backoff(), self
        )

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> None:
        if key in self.unknown:
            raise LookupError(key)
        if self.is_closing:
            raise NotTaking(key)
        self.acts.append((key, acted, id))

    async def park(self, key: ActorKey, failure: Failure) -> None:
        """A message of a key is parked."""
        parked = message(f"{key.id} parks")
        turn = queued((await self.clients.commits.load([key]))[key], parked, state=LaneState.PARKED)
        turn.judged[0] = turn.judged[0]._replace(verdict=Verdict.PARKED)
        await self._commit(turn, Opened(Case(failure), ref=parked.ref))

    async def ask(self, key: ActorKey, topic: str) -> None:
        """A topic of a key stands open."""
        row = (await self.clients.commits.load([key]))[key]
        turn = applied(row, message(f"{key.id} asks {topic} {row.entity_version}"))
        await self._commit(turn, Opened(Case(UNMAPPED, topic=topic, acts=(Act.RETRY,))))

    async def _commit(self, turn: Turn, opened: Opened) -> None:
        turn.opened.append(opened)
        assert await self.clients.commits.commit(batch(turn)) == [Committed()]


async def test_lanes_and_topics_are_tried_once_for_each_policy() -> None:
    # Given a lane and a topic that lack a mapping, and a lane that a person must look at
    floor = Floor()
    await floor.book.begin()
    await floor.retry.look()
    await floor.park(SHEET, UNMAPPED)
    await floor.park(OTHER_SHEET, WRONG)
    await floor.ask(THIRD, "validate")
    # When a policy comes into force, and is looked at again and again
    activation = await floor.book.reload(actor="ann", reason="Norway joins")
    for _ in range(3):
        await floor.retry.look()
    # Then they go on, the lane by a retry and the topic by an act, and nothing else does
    assert floor.poked == [SHEET]
    [(key, acted, id)] = floor.acts
    assert (key, acted.topic, acted.act, acted.by) == (THIRD, "validate", Act.RETRY, "policy")
    assert id.startswith(f"{activation.id}/")
    assert floor.store.tables.row(OTHER_SHEET).lane.state is LaneState.PARKED
    # And the topic, which still stands open, is asked anew under the next one
    await floor.book.reload(actor="ann", reason="and Sweden")
    await floor.retry.look()
    assert len({id for _, _, id in floor.acts}) == 2


async def test_what_is_left_to_a_replay_stands_still_until_the_next_policy() -> None:
    # Given a lane and a topic that lack a mapping
    floor = Floor()
    await floor.book.begin()
    await floor.retry.look()
    await floor.park(SHEET, UNMAPPED)
    await floor.ask(THIRD, "validate")
    # When a policy comes into force that leaves them to a replay, then nothing goes on, not even what was decided late
    await floor.book.reload(actor="ann", reason="the mapping of before", retries=False)
    await floor.retry.look()
    floor.retry.overtaken()
    await floor.retry.look()
    assert (floor.poked, floor.acts) == ([], [])
    # And in a process that starts then neither
    floor.retry = MappingRetry(
        floor.book, floor.clients.unmapped, floor.clients.acts, floor.poked.append, Backoff(), floor
    )
    await floor.retry.look()
    assert (floor.poked, floor.acts) == ([], [])
    # But the next policy lets both go on
    await floor.book.reload(actor="ann", reason="Norway joins")
    await floor.retry.look()
    assert (floor.poked, [key for key, _, _ in floor.acts]) == ([SHEET], [THIRD])


async def test_what_was_decided_late_is_tried_too() -> None:
    floor = Floor()
    await floor.book.begin()
    await floor.retry.look()
    await floor.park(SHEET, UNMAPPED)
    await floor.retry.look()
    assert floor.poked == []
    floor.retry.overtaken()
    await floor.retry.look()
    assert floor.poked == [SHEET]


async def test_a_case_that_no_act_can_name_stops_nobody() -> None:
    floor = Floor()
    await floor.ask(SHEET, "x" * 301)
    await floor.ask(THIRD, "validate")
    await floor.book.begin()
    with capture_logs() as logs:
        await floor.retry.look()
    assert [key for key, _, _ in floor.acts] == [THIRD]
    [line] = [each for each in logs if each["event"] == "mapping_not_retried"]
    assert line["key"] == f"{SHEET}"


async def test_an_entity_without_acts_stops_nobody() -> None:
    floor = Floor(unknown={SHEET})
    await floor.ask(SHEET, "validate")
    await floor.ask(THIRD, "validate")
    await floor.book.begin()
    await floor.retry.look()
    assert [key for key, _, _ in floor.acts] == [THIRD]


async def test_a_shutdown_ends_it_and_the_next_start_goes_on() -> None:
    # Given a topic that was decided late, after all was tried, in a process that shuts down
    floor = Floor()
    await floor.book.begin()
    await floor.retry.look()
    await floor.ask(THIRD, "validate")
    floor.retry.overtaken()
    floor.is_closing = True
    # When it comes to the act, then it ends, without an error
    await asyncio.wait_for(floor.retry.run(), 5)
    assert floor.acts == []
    # And the process that starts next tries it
    floor.is_closing = False
    again = MappingRetry(floor.book, floor.clients.unmapped, floor.clients.acts, floor.poked.append, Backoff(), floor)
    await again.look()
    assert [(key, acted.topic) for key, acted, _ in floor.acts] == [(THIRD, "validate")]


async def test_a_topic_that_was_opened_again_is_acted_on_anew() -> None:
    floor = Floor()
    await floor.ask(THIRD, "validate")
    await floor.book.begin()
    await floor.retry.look()
    await floor.ask(THIRD, "validate")
    floor.retry.overtaken()
    await floor.retry.look()
    assert len({id for _, _, id in floor.acts}) == 2
