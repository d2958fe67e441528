"""What every system that takes batches must keep: each line of one is as good as a command that is sent alone.

Run on every system of the contract suite that is `Batching`; none may be left out unnoticed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import NAMESPACE_OID, uuid5

import pytest

from adapters.ports.system import NOT_BEGUN, Batching, UnknownOperation
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown, command_reference
from schemas.keys import ActorKey
from tests.contracts.system_entrants import ENTRANTS, SandboxMisbehaviour, Subject

NAMES = ("http billable.post", "http customer.put", "http forecast.put", "http billable.post, reference not unique")
"""One for each kind of promise: a request for an operation differs from that for another by its path alone."""


@pytest.fixture(params=NAMES)
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with ENTRANTS[request.param].start() as running:
        yield running


def commands_of(subject: Subject, count: int = 4, *, unsound: int | None = None) -> list[Command]:
    """Commands of as many keys."""
    made: list[Command] = []
    for number in range(count):
        key = ActorKey(subject.key.entity, f"{subject.key.id} {number}")
        reference = command_reference(key, "L+1", 1)
        id = uuid5(NAMESPACE_OID, f"{subject.operation} {reference}")
        body = subject.unsound if number == unsound else subject.sound
        made.append(subject.command()._replace(id=id, key=key, reference=reference, body=body))
    return made


def run_of(subject: Subject, *, unsound: int | None = None) -> list[Command]:
    """Three commands of one key, and one of another between them."""
    made: list[Command] = []
    for number in range(4):
        key = subject.key if number != 2 else ActorKey(subject.key.entity, f"{subject.key.id} other")
        reference = command_reference(key, f"L+{number}", 1)
        id = uuid5(NAMESPACE_OID, f"{subject.operation} {reference}")
        body = subject.unsound if number == unsound else subject.sound
        made.append(subject.command()._replace(id=id, key=key, reference=reference, body=body))
    return made


async def send(subject: Subject, commands: Sequence[Command]) -> Sequence[Outcome]:
    assert isinstance(subject.system, Batching)
    outcomes = await subject.system.send_many(commands)
    assert not isinstance(outcomes, Rejected), outcomes
    assert len(outcomes) == len(commands)
    return outcomes


async def counts(subject: Subject, commands: Sequence[Command]) -> list[int]:
    return [await subject.count(each) for each in commands]


async def test_confirmed_means_one_effect_for_each(subject: Subject) -> None:
    commands = commands_of(subject)
    assert [type(each) for each in await send(subject, commands)] == [Confirmed] * 4
    assert await counts(subject, commands) == [1] * 4


async def test_a_refused_line_has_no_effect_and_takes_no_other_with_it(subject: Subject) -> None:
    commands = commands_of(subject, unsound=2)
    assert [type(each) for each in await send(subject, commands)] == [Confirmed, Confirmed, Rejected, Confirmed]
    assert await counts(subject, commands) == [1, 1, 0, 1]


async def test_deferred_means_no_effect_and_come_back(subject: Subject) -> None:
    commands = commands_of(subject)
    await subject.misbehave.ask_to_come_back()
    assert {type(each) for each in await send(subject, commands)} == {Deferred}
    assert await counts(subject, commands) == [0] * 4
    assert {type(each) for each in await send(subject, commands)} == {Confirmed}


async def test_a_batch_sent_again_makes_no_second_effect(subject: Subject) -> None:
    commands = commands_of(subject)
    first = await send(subject, commands)
    assert await send(subject, commands[::-1]) == first[::-1]
    assert await counts(subject, commands) == [1] * 4


async def test_what_a_batch_did_is_found_and_known_line_by_line(subject: Subject) -> None:
    commands = commands_of(subject)
    first = await send(subject, commands)
    for command, outcome in zip(commands, first, strict=True):
        assert await subject.system.look_up(command) == outcome
        assert await subject.system.send(command) == outcome
    assert await counts(subject, commands) == [1] * 4


async def test_an_unanswered_effect_of_one_line_is_unknown_for_it_alone(subject: Subject) -> None:
    commands = commands_of(subject)
    await subject.misbehave.apply_unanswered()
    outcomes = await send(subject, commands)
    assert [type(each) for each in outcomes].count(Unknown) == 1
    unknown = commands[[type(each) for each in outcomes].index(Unknown)]
    assert isinstance(await subject.system.look_up(unknown), Confirmed)
    assert isinstance(await subject.system.send(unknown), Confirmed)
    assert await counts(subject, commands) == [1] * 4


async def test_a_batch_that_lands_late_is_unknown_and_sending_singly_makes_one_effect(subject: Subject) -> None:
    commands = commands_of(subject)
    await subject.misbehave.apply_late()
    assert {type(each) for each in await send(subject, commands)} == {Unknown}
    for command in commands:
        while isinstance(outcome := await subject.system.send(command), Deferred):
            pass
        assert isinstance(outcome, Confirmed)
    assert await counts(subject, commands) == [1] * 4


async def test_what_follows_a_refused_line_of_its_key_is_not_begun(subject: Subject) -> None:
    commands = run_of(subject, unsound=0)
    outcomes = await send(subject, commands)
    assert [type(each) for each in outcomes] == [Rejected, Deferred, Confirmed, Deferred]
    assert (outcomes[1], outcomes[3]) == (NOT_BEGUN, NOT_BEGUN)
    assert await counts(subject, commands) == [0, 0, 1, 0]


async def test_a_run_that_is_done_already_is_done_on(subject: Subject) -> None:
    commands = run_of(subject)
    first = await subject.system.send(commands[0])
    assert [type(each) for each in await send(subject, commands)] == [Confirmed] * 4
    assert (await send(subject, commands))[0] == first
    assert await counts(subject, commands) == [1] * 4


async def test_a_run_that_lands_late_lands_in_order(subject: Subject) -> None:
    commands = run_of(subject, unsound=1)
    await subject.misbehave.apply_late()
    assert {type(each) for each in await send(subject, commands)} == {Unknown}
    while not isinstance(await subject.system.look_up(commands[2]), Confirmed):
        pass
    assert await counts(subject, commands) == [1, 0, 1, 0]


@pytest.mark.parametrize(("fault", "unknown"), [("half_applied", 4), ("lines_left_out", 2), ("shuffled", 0)])
async def test_half_a_batch_is_settled_line_by_line(subject: Subject, fault: str, unknown: int) -> None:
    commands = commands_of(subject)
    assert isinstance(subject.misbehave, SandboxMisbehaviour)
    await subject.misbehave.spoil_a_batch(fault)
    outcomes = await send(subject, commands)
    assert [type(each) for each in outcomes].count(Unknown) == unknown
    for command, outcome in zip(commands, outcomes, strict=True):
        again = await subject.system.send(command)
        assert isinstance(again, Confirmed)
        assert isinstance(outcome, Unknown) or again == outcome
    assert await counts(subject, commands) == [1] * 4


async def test_an_unknown_operation_is_said_so(subject: Subject) -> None:
    assert isinstance(subject.system, Batching)
    with pytest.raises(UnknownOperation):
        await subject.system.send_many([each._replace(operation="moon.land") for each in commands_of(subject)])


def test_all_systems_of_the_suite_that_take_batches_are_of_one_kind() -> None:
    assert set(NAMES) <= set(ENTRANTS)
    assert {name.split()[0] for name in ENTRANTS} == {"http"}, "another kind of system: let it take part here, too"
