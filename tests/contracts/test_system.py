"""What every system must keep of the promises in its `Capability`, run on each system that we have.

A promise is checked on those who make it; a promise that nobody makes fails the collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from uuid import NAMESPACE_OID, uuid5

import pytest

from adapters.ports.system import Absent, Capability, UnknownOperation
from adapters.sandbox.operations import OPERATIONS
from schemas.commands import BY_REFERENCE, Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.standing import BOOKINGS
from tests.contracts.system_entrants import ENTRANTS, Subject
from tests.live.entrants import ON_REDMINE, ON_TRYTON

TRYTON = (pytest.mark.live, pytest.mark.tryton)
REDMINE = (pytest.mark.live, pytest.mark.redmine)


def those_with(
    promise: Callable[[Capability], bool], operations: Collection[str] | None = None
) -> pytest.MarkDecorator:
    """Run a test on all who make the promise, of these operations where they are named."""

    def takes_part(name: str, promised: Capability) -> bool:
        _, _, operation = name.partition(" ")
        return promise(promised) and (operations is None or operation in operations)

    names = [name for name, entrant in ENTRANTS.items() if takes_part(name, entrant.promise)]
    assert names, "nobody makes this promise, so nothing would be checked"
    live = [
        *(pytest.param(name, marks=TRYTON) for name, each in ON_TRYTON.items() if takes_part(name, each.promise)),
        *(pytest.param(name, marks=REDMINE) for name, each in ON_REDMINE.items() if takes_part(name, each.promise)),
    ]
    return pytest.mark.parametrize("subject", [*names, *live], indirect=True)


everyone = those_with(lambda _: True)
those_safe_to_resend = those_with(lambda promise: promise.resend_is_safe)
those_with_look_up = those_with(lambda promise: promise.look_up)
those_that_book_with_look_up = those_with(lambda promise: promise.look_up, BOOKINGS.values())
those_safe_to_resend_with_look_up = those_with(lambda promise: promise.resend_is_safe and promise.look_up)
those_with_keys = those_with(lambda promise: promise.key_window is not None)
those_with_unique_references = those_with(lambda promise: promise.unique_reference)


@pytest.fixture
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    name = request.param
    if name in ENTRANTS:
        starting = ENTRANTS[name].start()
    elif name in ON_TRYTON:
        starting = ON_TRYTON[name].start(request.getfixturevalue("tryton"))
    else:
        starting = ON_REDMINE[name].start(request.getfixturevalue("redmine"))
    async with starting as running:
        yield running


async def settled(subject: Subject, command: Command) -> Confirmed:
    """Ask until the effect is found; fails if it is not there within the bound on late application."""
    async with asyncio.timeout(subject.promise.late_bound):
        while True:
            found = await subject.system.look_up(command)
            if isinstance(found, Confirmed):
                return found


def assert_same(outcome: Outcome | Absent, first: Confirmed) -> None:
    assert isinstance(outcome, Confirmed)
    assert outcome.external_id in (None, first.external_id)


async def confirmed(subject: Subject, command: Command) -> Confirmed:
    outcome = await subject.system.send(command)
    assert isinstance(outcome, Confirmed), outcome
    return outcome


@everyone
async def test_what_it_promises_is_what_it_declares(subject: Subject) -> None:
    declared = [each.operations.get(subject.operation) for each in subject.system.declarations()]
    assert [promise for promise in declared if promise is not None] == [subject.promise]


@everyone
async def test_an_inspection_finds_nothing_missing_and_makes_nothing(subject: Subject) -> None:
    async with subject.effects() as references:
        before = list(references)
    found = await subject.system.inspect()
    assert [each for each in found.rights if each.missing is not None] == []
    async with subject.effects() as references:
        assert references == before


@everyone
async def test_confirmed_means_one_effect(subject: Subject) -> None:
    command = subject.command()
    await confirmed(subject, command)
    assert await subject.count(command) == 1


@everyone
async def test_rejected_means_no_effect(subject: Subject) -> None:
    command = subject.command(body=subject.unsound)
    outcome = await subject.system.send(command)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.failure.reason
    assert await subject.count(command) == 0


@everyone
async def test_a_rejected_command_can_be_sent_under_the_next_generation(subject: Subject) -> None:
    assert isinstance(await subject.system.send(subject.command(body=subject.unsound)), Rejected)
    following = subject.command(generation=2)
    await confirmed(subject, following)
    assert await subject.count(following) == 1


@everyone
async def test_deferred_means_no_effect_and_come_back(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.ask_to_come_back()
    outcome = await subject.system.send(command)
    assert isinstance(outcome, Deferred), outcome
    assert await subject.count(command) == 0
    await confirmed(subject, command)
    assert await subject.count(command) == 1


@those_safe_to_resend
async def test_sending_again_makes_no_second_effect(subject: Subject) -> None:
    command = subject.command()
    first = await confirmed(subject, command)
    for _ in range(3):
        assert_same(await subject.system.send(command), first)
    assert await subject.count(command) == 1


@those_safe_to_resend
async def test_sending_again_many_times_at_once_makes_one_effect(subject: Subject) -> None:
    command = subject.command()
    outcomes = await asyncio.gather(*(subject.system.send(command) for _ in range(8)))
    assert not any(isinstance(outcome, Rejected) for outcome in outcomes)
    assert await subject.count(command) == 1


@those_safe_to_resend
async def test_an_unanswered_effect_is_unknown_and_sending_again_settles_it(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.apply_unanswered()
    assert isinstance(await subject.system.send(command), Unknown)
    await confirmed(subject, command)
    assert await subject.count(command) == 1


@those_with_look_up
async def test_an_unanswered_effect_is_unknown_and_a_look_up_settles_it(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.apply_unanswered()
    assert isinstance(await subject.system.send(command), Unknown)
    assert isinstance(await subject.system.look_up(command), Confirmed)


@everyone
async def test_a_failure_without_effect_is_unknown_too(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.fail()
    assert isinstance(await subject.system.send(command), Unknown)
    assert await subject.count(command) == 0


@those_with_look_up
async def test_a_look_up_finds_what_was_made_and_nothing_else(subject: Subject) -> None:
    command, other = subject.command(), subject.another()
    assert await subject.system.look_up(command) == Absent()
    first = await confirmed(subject, command)
    assert_same(await subject.system.look_up(command), first)
    assert await subject.system.look_up(other) == Absent()


@those_that_book_with_look_up
async def test_an_entry_is_found_by_its_reference_alone(subject: Subject) -> None:
    command = subject.command()
    question = subject.command(body=BY_REFERENCE)
    assert await subject.system.look_up(question) == Absent()
    first = await confirmed(subject, command)
    assert_same(await subject.system.look_up(question), first)


@those_with_look_up
async def test_a_look_up_does_not_find_what_was_refused(subject: Subject) -> None:
    command = subject.command(body=subject.unsound)
    assert isinstance(await subject.system.send(command), Rejected)
    assert await subject.system.look_up(command) == Absent()


@those_with_look_up
async def test_a_late_effect_comes_within_the_bound(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.apply_late()
    assert isinstance(await subject.system.send(command), Unknown)
    await settled(subject, command)
    assert await subject.count(command) == 1


@those_safe_to_resend_with_look_up
async def test_sending_again_while_an_effect_is_late_makes_one_effect(subject: Subject) -> None:
    command = subject.command()
    await subject.misbehave.apply_late()
    assert isinstance(await subject.system.send(command), Unknown)
    again = await subject.system.send(command)
    assert isinstance(again, Deferred | Confirmed | Unknown), again
    first = await settled(subject, command)
    async with asyncio.timeout(subject.promise.late_bound):
        while isinstance(again := await subject.system.send(command), Deferred):
            pass
    assert_same(again, first)
    assert await subject.count(command) == 1


@those_with_unique_references
async def test_a_known_reference_under_another_key_makes_no_second_effect(subject: Subject) -> None:
    command = subject.command()
    first = await confirmed(subject, command)
    forgotten = command._replace(id=uuid5(NAMESPACE_OID, "a key that the system does not remember"))
    outcome = await subject.system.send(forgotten)
    # Never Rejected: that would let the next generation be sent, beside the effect that is there.
    assert isinstance(outcome, Confirmed | Unknown), outcome
    if isinstance(outcome, Confirmed):
        assert_same(outcome, first)
    assert await subject.count(command) == 1


@those_with_keys
async def test_a_key_that_came_with_another_body_is_no_proof_of_nothing(subject: Subject) -> None:
    command = subject.command()
    await confirmed(subject, command)
    other = command._replace(body=command.body + b" ", reference="timesheet/other/L/1")
    assert isinstance(await subject.system.send(other), Unknown)
    assert await subject.count(other) == 0


@everyone
async def test_an_unknown_operation_is_said_so(subject: Subject) -> None:
    with pytest.raises(UnknownOperation):
        subject.system.capability("moon.land")
    command = subject.command()._replace(operation="moon.land")
    with pytest.raises(UnknownOperation):
        await subject.system.send(command)
    with pytest.raises(UnknownOperation):
        await subject.system.look_up(command)


def test_every_operation_of_the_sandbox_takes_part() -> None:
    assert {operation.name for operation in OPERATIONS} == {name.split()[1].rstrip(",") for name in ENTRANTS}
