"""What a plan predicts: messages of a key one after the other, keys as they would be then, and nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from adapters.memory.store import MemoryStore
from adapters.ports.replays import Change, Kind, Planned, Prediction, Total
from adapters.ports.turns import Committed, Judged, Lane, LaneMessage, Turn
from gateway.activations import Bounds
from gateway.references import References
from gateway.replay.forecast import Forecast
from gateway.retry import Retries
from gateway.rules import Rules
from gateway.world import World
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.contracts.turns import batch
from tests.gateway.toy import ACTOR, NOW, POLICY, A, B, C, Ids, Step, message_of, read

APPLIED, WAITING, PARKED, QUEUED = Verdict.APPLIED, Verdict.WAITING, Verdict.PARKED, Verdict.QUEUED


@dataclass
class Desk:
    """A store with lanes that stand still, and a forecast of what they would do."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: 0.0))
    plan: list[Planned] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clients = self.store.clients()
        world = World(
            {"job": ACTOR}, References({"job": ACTOR}, capacity=9), read, lambda: NOW, Ids(), lambda: POLICY, Rules,
            lambda: (), Retries().next_try(lambda: 0.5), Bounds(),
        )  # fmt: skip
        self.forecast = Forecast(self.clients.commits, self.clients.entities, world)

    async def stand(self, key: ActorKey, *steps: Step) -> None:
        """Steps in a lane, the first of them parked."""
        row = (await self.clients.commits.load([key]))[key]
        messages = [message_of(step.name, step) for step in steps]
        turn = Turn(row, Lane(LaneState.PARKED, len(steps), len(steps) + 1, "no"), 0)
        for place, message in enumerate(messages, 1):
            turn.judged.append(Judged(message, PARKED if place == 1 else QUEUED, 0, position=place))
            standing = LaneMessage(message, place, QUEUED, 0)
            self.plan.append(Planned(len(self.plan) + 1, key, standing, kills=False))
        assert await self.clients.commits.commit(batch(turn)) == [Committed()]

    async def predictions(self, page: int = 100) -> dict[int, Prediction]:
        """All of them, page by page, until nobody is woken any more."""
        before = {key: entity.row for key, entity in self.store.tables.entities.items()}
        found: dict[int, Prediction] = {}
        wanted: Sequence[Planned] = self.plan
        for _ in count():
            for first in range(0, len(wanted), page):
                found |= (await self.forecast.predict(wanted[first : first + page]))[0]
            woken = self.forecast.woken()
            wanted = [each for each in self.plan if each.key in woken]
            if not wanted:
                break
        assert {key: entity.row for key, entity in self.store.tables.entities.items()} == before
        return found


def verdicts(found: dict[int, Prediction]) -> list[Verdict]:
    return [found[number].verdict for number in sorted(found)]


async def test_each_message_is_decided_after_the_one_before_it() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", asks=("x",)), Step(name="a2", does="ignore"), Step(name="a3"))
    found = await desk.predictions()
    assert verdicts(found) == [APPLIED, Verdict.IGNORED, APPLIED]
    assert found[1].changes == (Change("steps[0]", None, '"a1"'),)
    assert found[3].changes == (Change("steps[1]", None, '"a3"'),)
    assert [asked.operation for asked in found[1].commands] == ["job.do"]
    assert (found[2].reason, found[2].commands) == ("asked to", ())


async def test_what_stands_behind_one_that_stops_is_not_decided() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1"), Step(name="a2", does="park"), Step(name="a3"), Step(name="a4"))
    found = await desk.predictions(page=3)
    assert verdicts(found) == [APPLIED, PARKED, QUEUED, QUEUED]
    assert (found[2].code, found[4].code) == ("wrong", None)
    assert "which would be parked" in (found[4].reason or "")


async def test_keys_see_each_other_as_they_would_be() -> None:
    desk = Desk()
    await desk.stand(B, Step(name="b1"))
    await desk.stand(A, Step(name="a1", needs="b"))
    assert verdicts(await desk.predictions()) == [APPLIED, APPLIED]


async def test_what_would_wait_is_decided_again_once_that_is_there() -> None:
    desk = Desk()
    # c waits for a, which waits for b, which comes last
    await desk.stand(C, Step(name="c1"), Step(name="c2", needs="a"), Step(name="c3"))
    await desk.stand(A, Step(name="a1", needs="b"))
    await desk.stand(B, Step(name="b1"))
    found = await desk.predictions(page=2)
    assert verdicts(found) == [APPLIED] * 5
    assert found[3].changes == (Change("steps[2]", None, '"c3"'),)
    assert desk.forecast.outlook().verdicts == {APPLIED: 5}


async def test_what_waits_for_something_else_stays_so() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", needs="stranger"), Step(name="a2"))
    assert verdicts(await desk.predictions()) == [WAITING, QUEUED]


async def test_a_value_that_an_earlier_key_would_claim_is_taken() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", claims="v"))
    await desk.stand(B, Step(name="b1", claims="v"))
    found = await desk.predictions()
    assert verdicts(found) == [APPLIED, PARKED]


async def test_a_decision_that_raises_is_predicted_to_park() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", does="raise"))
    found = await desk.predictions()
    assert (found[1].verdict, found[1].code) == (PARKED, "decision_failed")


async def test_what_has_ended_the_process_is_not_decided() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", does="raise"))
    desk.plan[0] = desk.plan[0]._replace(kills=True)
    found = await desk.predictions()
    assert (found[1].verdict, found[1].code) == (PARKED, "kills_process")


async def test_an_outlook_counts_commands_and_codes() -> None:
    desk = Desk()
    await desk.stand(A, Step(name="a1", asks=("x", "y")))
    await desk.stand(B, Step(name="b1", does="park"))
    await desk.predictions()
    outlook = desk.forecast.outlook()
    assert (outlook.verdicts, outlook.codes) == ({APPLIED: 1, PARKED: 1}, {"wrong": 1})
    assert outlook.commands == {
        Kind("erp", "job.do", None): Total(2, outlook.commands[Kind("erp", "job.do", None)].amount)
    }


async def test_predictions_name_what_they_stand_on() -> None:
    desk = Desk()
    await desk.stand(B, Step(name="b1"))
    await desk.stand(A, Step(name="a1", needs="b"))
    _, relied = await desk.forecast.predict(desk.plan)
    assert [(each.key, each.versions) for each in relied] == [(B, {B: 0}), (A, {A: 0, B: 1})]
