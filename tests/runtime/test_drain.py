"""How a process leaves: not ready first, then nothing new, then commit, ack, and the channels last; in its grace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from actors.registry import ACTORS
from adapters.memory.rows import Logged
from adapters.ports.broker import Consuming, Delivery, Subscription
from adapters.ports.outbox import Ending
from adapters.ports.store import Commits
from adapters.ports.turns import Answer, Batch, LaneMessage, Row
from gateway.health import Health
from gateway.metrics import Counts
from gateway.runtime import Runtime, Sources, Tuning
from schemas.commands import Command, Outcome
from schemas.keys import ActorKey
from tests.actors.firm import customer
from tests.gateway.deliveries import PassedOn
from tests.gateway.toy import NOW
from tests.runtime.firm import CRM, POLICY, Books, Firm, Gateway, event
from tests.runtime.town import SMALL, until
from tests.runtime.virtual import run

C1, C2 = ActorKey("customer", "C1"), ActorKey("customer", "C2")


@dataclass
class Witness:
    """What was done, in order, and whether the process was ready at that time."""

    acts: list[str] = field(default_factory=list)
    health: Health | None = None

    def saw(self, act: str) -> None:
        assert self.health is not None
        self.acts.append(act if self.health.is_ready else f"unready {act}")


@dataclass(frozen=True, slots=True)
class SeenDelivery(PassedOn):
    """A delivery whose ack is seen."""

    witness: Witness

    def ack(self) -> None:
        self.witness.saw("ack")
        self.inner.ack()


@dataclass
class SeenSubscription:
    """A subscription that is seen to pause and to close."""

    inner: Subscription
    witness: Witness

    @property
    def is_active(self) -> bool:
        return self.inner.is_active

    async def pause(self) -> None:
        self.witness.saw("pause")
        await self.inner.pause()

    async def resume(self) -> None:
        await self.inner.resume()

    async def close(self) -> None:
        self.witness.saw("close")
        await self.inner.close()


@dataclass
class SeenConsuming:
    """`Consuming` whose deliveries and end are seen."""

    inner: Consuming
    witness: Witness

    async def subscribe(
        self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]
    ) -> Subscription:
        def seen(delivery: Delivery) -> None:
            self.witness.saw("delivery")
            on_delivery(SeenDelivery(delivery, self.witness))

        return SeenSubscription(await self.inner.subscribe(queues, prefetch=prefetch, on_delivery=seen), self.witness)

    @property
    def held_bytes(self) -> int:
        return self.inner.held_bytes

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class SlowCommits:
    """`Commits` that take a second and are seen when they are done."""

    inner: Commits
    witness: Witness
    begun: int = 0

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        return await self.inner.load(keys)

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        return await self.inner.lanes(keys, limit=limit, room=room)

    async def commit(self, batch: Batch) -> list[Answer]:
        self.begun += 1
        await asyncio.sleep(1.0)
        answers = await self.inner.commit(batch)
        self.witness.saw("commit")
        return answers

    async def resolve(self, batch: Batch) -> list[bool]:
        return await self.inner.resolve(batch)


@dataclass
class Stage:
    """A firm and one process on it that is seen."""

    firm: Firm
    runtime: Runtime
    witness: Witness
    commits: list[SlowCommits]

    def begun(self) -> bool:
        return any(commits.begun for commits in self.commits)


async def staged(firm: Firm) -> Stage:
    """A process that is ready."""
    await firm.open(0)
    witness, ports = Witness(), Gateway(firm, 1).runtime._ports
    commits = [SlowCommits(firm.store.clients().commits, witness) for _ in range(2)]
    seen = replace(ports, commits=commits, consuming=SeenConsuming(ports.consuming, witness))
    sources = Sources(lambda: NOW, firm.ids)
    runtime = Runtime(seen, ACTORS, POLICY, sources, Counts("test"), Tuning(prefetch=50, bounds=SMALL))
    witness.health = runtime.health
    await runtime.start()
    await until(lambda: runtime.health.is_ready)
    return Stage(firm, runtime, witness, commits)


def test_what_is_in_flight_is_finished_in_order_and_nothing_new_is_taken() -> None:
    async def story() -> None:
        firm = Firm()
        stage = await staged(firm)
        # given: a message whose commit is under way
        await firm.publish(event(CRM, "new-1", C1, customer(name="one")))
        await until(stage.begun, step=0.01)
        # when: it leaves, and another message comes
        leaving = asyncio.create_task(stage.runtime.drain(60))
        await until(lambda: "unready pause" in stage.witness.acts, step=0.01)
        await firm.publish(event(CRM, "new-2", C2, customer(name="two")))
        assert await leaving
        # then
        acts = stage.witness.acts
        assert acts[0] == "delivery"
        assert acts[1] == "unready pause"
        assert acts[-1] == "unready close"
        assert acts.index("unready commit") < acts.index("unready ack")
        assert acts.count("unready ack") == 1
        tables = firm.store.tables
        assert (CRM, "new-1") in tables.identities
        assert (CRM, "new-2") not in tables.identities
        assert firm.broker.queues["tallystick.customer"].depth == 1

    run(story())


class SlowBooks(Books):
    """A system that answers after the longest grace."""

    async def send(self, command: Command) -> Outcome:
        await asyncio.sleep(1000)
        return await super().send(command)


def test_what_takes_longer_than_the_grace_is_left_and_not_lost() -> None:
    async def story() -> None:
        firm = Firm()
        firm.books = {name: SlowBooks(name, books.chance) for name, books in firm.books.items()}
        stage = await staged(firm)
        await firm.publish(event(CRM, "new-1", C1, customer(name="one")))
        tables = firm.store.tables

        def tried() -> list[Logged]:
            return [
                attempt
                for row in tables.outbox.values()
                if row.command.system == "erp"
                for attempt in tables.attempts.get(row.command.id, [])
            ]

        await until(lambda: bool(tried()), step=0.01)
        began = firm.clock()
        assert not await stage.runtime.drain(5)
        assert 5 <= firm.clock() - began < 6
        assert stage.witness.acts[-1] == "unready close"
        [logged] = tried()
        assert logged.attempt.ending is not Ending.CONFIRMED

    run(story())


def test_leaving_before_the_start_was_done_takes_no_time() -> None:
    async def story() -> None:
        firm = Firm()
        gateway = Gateway(firm, 1)
        gateway.runtime.begin()
        began = firm.clock()
        assert await gateway.runtime.drain(5)
        assert firm.clock() == began

    run(story())
