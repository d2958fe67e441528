"""What a system that was restored has lost, as a plan finds it out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import pytest

from adapters.ports.replays import Kind, Prediction, Sent, Total
from adapters.ports.system import Absent, Capability, UnknownOperation, Upsert
from gateway.replay.asking import AT_ONCE, SILENT, Asking
from schemas.commands import Command, Confirmed, Deferred, Outcome, Unknown, command_id, command_reference
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.runtime.virtual import run

SHEET, OTHER = ActorKey("timesheet", "T-1"), ActorKey("timesheet", "T-2")
DOWN = Failure(FailureClass.UNAVAILABLE, "down", "it is down")
APPLIED, IGNORED, PARKED, QUEUED = Verdict.APPLIED, Verdict.IGNORED, Verdict.PARKED, Verdict.QUEUED


class Restored:
    """A system that has these references; `failing` ones it says nothing about."""

    name = "erp"

    def __init__(
        self, *has: str, failing: Mapping[str, Deferred | Unknown] | None = None, look_up: bool = True
    ) -> None:
        self._has = has
        self._failing = failing or {}
        self._look_up = look_up
        self.asked: list[str] = []

    def capability(self, operation: str) -> Capability:
        if operation == "unknown":
            raise UnknownOperation("erp has no operation unknown")
        return Capability(Upsert.NONE, None, unique_reference=True, look_up=self._look_up, late_bound=1)

    async def send(self, command: Command) -> Outcome:
        raise AssertionError(f"a plan sends nothing, and not {command.reference}")

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        self.asked.append(command.reference)
        if command.line in self._failing:
            return self._failing[command.line]
        return Confirmed(f"X-{command.line}") if command.line in self._has else Absent()

    async def close(self) -> None:
        """Nothing to close."""


def sent(number: int, line: str, operation: str = "billable.post", key: ActorKey = SHEET, *, kept: bool = True) -> Sent:
    id = command_id("erp", operation, key, line, 1)
    body = b'{"amount": "10.50", "currency": "EUR"}'
    return Sent(number, Command(id, "erp", operation, key, line, 1, body, command_reference(key, line, 1)), kept)


async def predicted(system: Restored, *page: Sent) -> list[tuple[Verdict, str | None]]:
    found, relied = await Asking({"erp": system}).predict(page)
    assert relied == []
    return [(found[each.number].verdict, found[each.number].code) for each in page]


async def test_what_is_gone_would_be_sent_again_and_nothing_else() -> None:
    system = Restored("1", "2")
    page = [sent(1, "1"), sent(2, "2"), sent(3, "3"), sent(4, "4")]
    assert await predicted(system, *page) == [(IGNORED, None), (IGNORED, None), (APPLIED, None), (APPLIED, None)]
    assert sorted(system.asked) == [f"timesheet/T-1/{line}/1" for line in "1234"]


async def test_its_money_is_added_up() -> None:
    asking = Asking({"erp": Restored("1")})
    await asking.predict([sent(1, "1"), sent(2, "2")])
    found, _ = await asking.predict([sent(3, "1", key=OTHER), sent(4, "9", key=OTHER)])
    assert found[3] == Prediction(IGNORED, "the system has it as X-1")
    outlook = asking.outlook()
    assert outlook.verdicts == {IGNORED: 2, APPLIED: 2}
    assert outlook.commands == {Kind("erp", "billable.post", "EUR"): Total(2, Decimal("21.00"))}
    assert asking.woken() == set()


async def test_what_is_gone_before_one_that_is_there_is_left_to_a_person_and_so_is_what_stands_behind_it() -> None:
    page = [sent(1, "1"), sent(2, "2"), sent(3, "3")]
    assert await predicted(Restored("2"), *page) == [(PARKED, "overtaken"), (IGNORED, None), (QUEUED, None)]


async def test_another_operation_and_another_key_do_not_overtake() -> None:
    page = [sent(1, "1"), sent(2, "2", "cost.post"), sent(3, "2", key=OTHER)]
    assert [verdict for verdict, _ in await predicted(Restored("2"), *page)] == [APPLIED, IGNORED, IGNORED]


@pytest.mark.parametrize(
    ("system", "first", "code"),
    [
        (Restored(look_up=False), sent(1, "1"), "unaskable"),
        (Restored(), sent(1, "1", "unknown"), "unaskable"),
        (Restored(), sent(1, "1", kept=False), "not_kept"),
        (Restored(failing={"1": Unknown(DOWN)}), sent(1, "1"), "unanswered"),
        (Restored(failing={"1": Deferred(DOWN, None)}), sent(1, "1"), "unanswered"),
    ],
)
async def test_what_nobody_can_tell_stops_its_key_alone(system: Restored, first: Sent, code: str) -> None:
    found = await predicted(system, first, sent(2, "2", "cost.post"), sent(3, "3", "cost.post", OTHER))
    assert found[:2] == [(PARKED, code), (QUEUED, None)]
    assert found[2] == ((APPLIED, None) if system.capability("cost.post").look_up else (PARKED, "unaskable"))


async def test_a_system_that_is_gone_from_the_policy_cannot_be_asked() -> None:
    found, _ = await Asking({}).predict([sent(1, "1")])
    assert (found[1].verdict, found[1].code) == (PARKED, "unaskable")


async def test_a_system_that_has_fallen_silent_is_not_asked_for_the_rest() -> None:
    lines = [str(number) for number in range(3 * SILENT)]
    system = Restored(failing=dict.fromkeys(lines, Unknown(DOWN)))
    page = [sent(number, line, key=ActorKey("timesheet", line)) for number, line in enumerate(lines)]
    assert await predicted(system, *page) == [(PARKED, "unanswered")] * len(page)
    assert len(system.asked) < SILENT + AT_ONCE


async def test_one_that_answers_now_and_then_is_asked_for_all() -> None:
    lines = [str(number) for number in range(3 * SILENT)]
    refused = Failure(FailureClass.BUSINESS_RULE, "closed", "it is closed")
    system = Restored(failing=dict.fromkeys(lines[::2], Unknown(DOWN)) | dict.fromkeys(lines[1::2], Unknown(refused)))
    await predicted(system, *[sent(number, line) for number, line in enumerate(lines)])
    assert len(system.asked) == len(lines)


def test_it_is_asked_at_half_of_its_rate_over_all_pages() -> None:
    async def story() -> None:
        loop, asking = asyncio.get_running_loop(), Asking({"erp": Restored()}, {"erp": 10.0})
        began = loop.time()
        for first in (0, 20):
            await asking.predict([sent(number, str(number)) for number in range(first, first + 20)])
        assert 39 / 5 <= loop.time() - began < 42 / 5

    run(story())
