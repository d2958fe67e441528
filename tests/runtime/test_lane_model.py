"""Lanes, sequences, waits, pauses, and the outbox's order against a model: whatever comes, in whatever order.

Hypothesis delivers, repeats, kills, and acts as the operator does; the rules of order are then read off what was
applied and sent, and in the end nothing may stand still without a reason that a person sees.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.ports.pauses import Scope
from adapters.ports.store import LaneChanged, LaneNotFound
from gateway.activation import Entry
from gateway.rules import LanePolicy, Numbering, Rules
from schemas.sequence import SequenceKind
from schemas.verdicts import FINAL, LaneState, Verdict
from tests.gateway.toy import A, B, Step, message_of, read
from tests.runtime.town import Town
from tests.runtime.virtual import VirtualLoop

RULES = Rules(
    {"crm": Numbering(SequenceKind.CONTIGUOUS, 60.0), "hr": Numbering(SequenceKind.MONOTONIC, 60.0)},
    {"job.note": LanePolicy.SUPERSEDE, "job.memo": LanePolicy.SKIP},
    patience=60.0,
)
ANN = {"actor": "ann", "reason": "the model says so"}
WORKS = st.sampled_from(["accept", "accept", "accept", "asks", "needs", "ignore", "park"])
HIGHEST = 7


@dataclass(frozen=True, slots=True)
class Sent:
    """What was published, in this order."""

    id: str
    source: str
    kind: str
    number: int | None
    does: str


class Lanes(RuleBasedStateMachine):
    """One key under load; another that some of its messages wait for."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.sent: list[Sent] = []
        self.unacked: list[tuple[Entry, Any]] = []
        self.closed = 0
        self.numbers = {"crm": set(range(1, HIGHEST + 1)), "hr": set(range(1, HIGHEST + 1))}
        self.is_paused = False
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        self.town = Town(rules=RULES)
        self.process = self.town.process()
        self.clients = self.town.store.clients()

    # ------------------------------------------------------------------------------------------------- what may happen

    @rule(source=st.sampled_from(["crm", "hr"]), data=st.data(), does=WORKS, seconds=st.sampled_from([0, 0, 3]))
    def publish_a_number(self, source: str, data: st.DataObject, does: str, seconds: float) -> None:
        if left := sorted(self.numbers[source]):
            number = data.draw(st.sampled_from(left[:3]))
            self.numbers[source].discard(number)
            self._publish(Sent(f"{source}{number}", source, "step", number, does), seconds)

    @rule(kind=st.sampled_from(["step", "note", "memo"]), does=WORKS, seconds=st.sampled_from([0, 0, 3]))
    def publish(self, kind: str, does: str, seconds: float) -> None:
        self._publish(Sent(f"{kind}{len(self.sent)}", "psa", kind, None, does), seconds)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def publish_again(self, data: st.DataObject) -> None:
        self._deliver(data.draw(st.sampled_from(self.sent)), 0)

    @rule()
    def let_the_parent_come(self) -> None:
        self.runner.run(self._parent())

    @rule(seconds=st.sampled_from([0.01, 1, 20, 100]))
    def let_time_pass(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @rule()
    def kill(self) -> None:
        self.runner.run(self._kill())

    @rule()
    def discard_the_head(self) -> None:
        self.runner.run(self._discard())

    @rule()
    def retry(self) -> None:
        self.runner.run(self._retry())

    @rule(through=st.integers(1, HIGHEST))
    def close_a_gap(self, through: int) -> None:
        self.runner.run(self._close_gap(through))

    @rule()
    def pause_or_resume(self) -> None:
        self.runner.run(self._pause(wanted=not self.is_paused))

    # -------------------------------------------------------------------------------------------------- what must hold

    @invariant()
    def numbers_are_applied_in_rising_order(self) -> None:
        for source in ("crm", "hr"):
            applied = [sent.number or 0 for sent in self._applied() if sent.source == source]
            assert applied == sorted(set(applied)), applied

    @invariant()
    def a_number_is_applied_when_all_below_it_are_final_or_closed(self) -> None:
        highest = max((sent.number or 0 for sent in self._applied() if sent.source == "crm"), default=0)
        verdicts = {sent.number: self.town.verdict(sent.id, "crm") for sent in self.sent if sent.source == "crm"}
        for number in range(self.closed + 1, highest):
            assert verdicts.get(number) in FINAL, (number, verdicts)

    @invariant()
    def what_has_no_number_is_applied_in_the_order_in_which_it_came(self) -> None:
        applied = [sent for sent in self._applied() if sent.number is None]
        assert applied == [sent for sent in self.sent if sent in applied]

    @invariant()
    def only_what_was_overtaken_is_stale(self) -> None:
        for sent in self._with(Verdict.STALE):
            assert any(
                other.source == sent.source and (other.number or 0) > (sent.number or 0) for other in self._applied()
            ), sent

    @invariant()
    def what_is_superseded_has_a_newer_one_that_is_not(self) -> None:
        for sent in self._with(Verdict.SUPERSEDED):
            newer = self.sent[self.sent.index(sent) + 1 :]
            assert any(
                other.kind == "note" == sent.kind and self._verdict(other) not in (None, Verdict.SUPERSEDED)
                for other in newer
            ), sent

    @invariant()
    def commands_are_done_in_the_order_in_which_they_were_asked_for(self) -> None:
        done = [reference.split("/")[2] for reference in self.town.vendor.effects]
        asked = [sent.id for sent in self._applied() if sent.does == "asks"]
        assert done == asked[: len(done)], (done, asked)

    @invariant()
    def the_depth_of_the_lane_is_what_stands_in_it(self) -> None:
        tables = self.town.store.tables
        for key in (A, B):
            assert tables.row(key).lane.depth == len(tables.lane(key))

    def teardown(self) -> None:
        """In the end everything is final, or somebody sees what it stands still for."""
        if hasattr(self, "runner"):
            with self.runner:
                self.runner.run(self._settle())

    # ---------------------------------------------------------------------------------------------------------- how so

    def _publish(self, sent: Sent, seconds: float) -> None:
        self.sent.append(sent)
        self._deliver(sent, seconds)

    def _deliver(self, sent: Sent, seconds: float) -> None:
        self.runner.run(self._delivered(sent, seconds))

    async def _delivered(self, sent: Sent, seconds: float) -> None:
        slip = self.town.slip(sent.id, sent.source)
        does = sent.does if sent.does in ("ignore", "park") else "accept"
        step = Step.model_validate(
            {
                "name": sent.id,
                "does": does,
                "needs": "b" if sent.does == "needs" else None,
                "asks": (sent.id,) if sent.does == "asks" else (),
            }
        )
        series = None if sent.number is None else sent.source
        message = message_of(sent.id, step, sent.source)._replace(
            type=f"job.{sent.kind}.v1", series=series, sequence=sent.number
        )
        entry = Entry(message, read(message), slip)
        self.unacked = [(one, its) for one, its in self.unacked if not its.acks]
        self.unacked.append((entry, slip))
        self.process.bus.deliver(A, entry)
        await asyncio.sleep(seconds)

    async def _parent(self) -> None:
        self.process.deliver(B, "parent")
        await asyncio.sleep(0)

    async def _kill(self) -> None:
        await self.process.kill()
        self.town.processes.remove(self.process)
        self.process = self.town.process()
        again, self.unacked = [one for one, slip in self.unacked if not slip.acks], []
        for entry in again:
            slip = self.town.slip(entry.message.id, entry.message.source)
            fresh = Entry(entry.message, entry.envelope, slip)
            self.unacked.append((fresh, slip))
            self.process.bus.deliver(A, fresh)

    async def _discard(self) -> None:
        if standing := self.town.store.tables.lane(A):
            await self.clients.acts.discard(A, head=standing[0].message.ref, **ANN)
            self.process.bus.poke(A)

    async def _retry(self) -> None:
        try:
            await self.clients.acts.retry(A, actor=ANN["actor"], reason=ANN["reason"])
        except LaneNotFound:
            return
        self.process.bus.poke(A)

    async def _close_gap(self, through: int) -> None:
        try:
            await self.clients.acts.close_gap(A, series="crm", through=through, **ANN)
        except (LaneNotFound, LaneChanged):
            return
        self.closed = max(self.closed, through)
        self.process.bus.poke(A)

    async def _pause(self, *, wanted: bool) -> None:
        for pause in await self.clients.pauses.active():
            await self.clients.pauses.end(pause.id, **ANN)
        if wanted:
            await self.clients.pauses.begin(Scope(A.entity, A.id), **ANN)
        self.process.pauses.hint()
        self.is_paused = wanted

    async def _settle(self) -> None:
        await self._pause(wanted=False)
        await self._parent()
        await asyncio.sleep(120)
        self.process.check_alive()
        assert self.process.witness.errors == []
        assert self.town.lost == []
        assert all(slip.acks for _, slip in self.unacked)
        self.town.check_history()
        assert not self.town.store.tables.outbox, "every command is done"
        for sent in self.sent:
            assert self._verdict(sent) is not None, f"{sent.id} is lost"
        self._check_reason()
        await self.process.kill()

    def _check_reason(self) -> None:
        """The head of what still stands is parked, or waits for a number that never came; a person was asked."""
        tables = self.town.store.tables
        if not (standing := tables.lane(A)):
            return
        head, state = standing[0], tables.row(A).lane.state
        open_cases = [case.opened.ref for case in tables.cases if case.is_open]
        seen = f"{head.message.id} {head.verdict} {tables.row(A).lane} {[row.message.id for row in standing]}"
        assert head.message.ref in open_cases, seen
        match head.verdict:
            case Verdict.PARKED:
                assert state is LaneState.PARKED
            case Verdict.WAITING:
                assert (state, head.message.source) == (LaneState.WAITING, "crm")
                came = {sent.number for sent in self.sent if sent.source == "crm"}
                assert set(range(self.closed + 1, head.message.sequence or 0)) - came, "nothing is missing"
            case _:
                raise AssertionError(f"{head.message.id} stands still as {head.verdict}")

    def _applied(self) -> list[Sent]:
        by_id = {sent.id: sent for sent in self.sent}
        return [by_id[name] for name in self.town.events(A) if name in by_id]

    def _with(self, verdict: Verdict) -> list[Sent]:
        return [sent for sent in self.sent if self._verdict(sent) is verdict]

    def _verdict(self, sent: Sent) -> Verdict | None:
        return self.town.verdict(sent.id, sent.source)


TestLanes = Lanes.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
