"""Live actors: who stands in line, and which idle ones are let go when memory is short."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.registry import ACTORS
from adapters.ports.turns import Lane, Row
from gateway.activation import OWN_BYTES, Activation, Memory
from gateway.activations import Activations, Bounds
from schemas.billed import BilledLine
from schemas.commands import command_reference
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.timesheet.entity import Timesheet
from tests.gateway.toy import A, B, C, Job, Slip, answered, entry
from tests.runtime.virtual import rest, run

KEYS = [ActorKey("job", f"{n}") for n in range(8)]


STATE = Job()


def sheet_of(lines: int) -> Timesheet:
    """A sheet of so many billed lines."""
    body = BillablePost(
        project="ERP-1", legal_entity="US01", currency="USD", amount=Decimal("1004.00"), hours=Decimal("8.00"),
        rate=Decimal("125.50"), role="consultant", employee="E-17", work_date=date(2026, 5, 4), sheet_id="TS-1",
        line_id="L1", contract_reference="SOW-1", tax_code="T1",
    )  # fmt: skip
    line = BilledLine(
        revision=1, body=body, reference=command_reference(A, "L1.r1", 1), project="ENG-2026-0117-DE01", system="erp"
    )
    return Timesheet(status="approved", revision=1, lines={f"L{number}": line for number in range(lines)})


def remember(activation: Activation, size: int = 10) -> None:
    """As after a load of a state of so many bytes."""
    activation.memory = Memory(Row(activation.key, 1, 1, b"x" * size), Job())


def put(activations: Activations, key: ActorKey, *names: str) -> Activation:
    """Messages for a key."""
    activation = activations.of(key)
    activation.mailbox.extend(map(entry, names))
    activations.schedule(activation)
    return activation


def is_quiet(activations: Activations) -> bool:
    """Asked anew each time."""
    return activations.is_quiet


async def idle(activations: Activations, key: ActorKey, size: int = 10) -> None:
    """Let a key have had a turn, after which its state has so many bytes."""
    put(activations, key, "m")
    for activation in await activations.take():
        activation.mailbox.clear()
        remember(activation, size)
        activations.release(activation)


def test_a_key_stands_in_line_once_in_order_of_arrival() -> None:
    async def story() -> list[ActorKey]:
        activations = Activations(Bounds())
        for key in (B, A, B, C, A):
            put(activations, key, "m")
        return [activation.key for activation in await activations.take()]

    assert run(story()) == [B, A, C]


def test_a_batch_is_bounded_by_keys_and_by_messages() -> None:
    async def story() -> list[int]:
        activations = Activations(Bounds(batch_keys=3, batch_messages=4, fold=3))
        put(activations, A, *"12345")
        for key in KEYS:
            put(activations, key, "m")
        return [len(await activations.take()) for _ in range(4)]

    assert run(story()) == [2, 3, 3, 1], "three of the first key's messages fill all but one place"


def test_results_count_as_messages() -> None:
    async def story() -> list[int]:
        activations = Activations(Bounds(batch_keys=3, batch_messages=4))
        for key in KEYS[:6]:
            activation = activations.of(key)
            activation.answers.extend(answered(key, line) for line in "12")
            activations.schedule(activation)
        return [len(await activations.take()) for _ in range(3)]

    assert run(story()) == [2, 2, 2]


def test_work_that_comes_during_a_turn_is_another_turn() -> None:
    async def story() -> None:
        activations = Activations(Bounds())
        put(activations, A, "1")
        (activation,) = await activations.take()
        put(activations, A, "2")
        activations.of(A).is_poked = True
        activation.mailbox.pop(0)
        remember(activation)
        assert len(activations) == 1
        activations.release(activation)
        (again,) = await activations.take()
        assert again is activation
        assert again.memory is None, "it was poked, so its row is read anew"

    run(story())


def test_take_waits_for_work_and_tells_when_there_is_none() -> None:
    async def story() -> None:
        activations = Activations(Bounds())
        taking = asyncio.create_task(activations.take())
        await rest()
        assert is_quiet(activations)
        await activations.quiet()
        activation = put(activations, A, "1")
        assert not is_quiet(activations)
        assert await taking == [activation]
        await rest()
        assert not is_quiet(activations), "a turn is running"
        activation.mailbox.clear()
        activations.release(activation)
        taking = asyncio.create_task(activations.take())
        await activations.quiet()
        taking.cancel()

    run(story())


def test_messages_of_a_lost_channel_are_dropped_before_a_turn_and_the_key_rests() -> None:
    async def story() -> None:
        activations = Activations(Bounds())
        slip = Slip()
        activation = activations.of(A)
        activation.mailbox.extend([entry("1", slip=slip), entry("2", slip=slip)])
        activations.schedule(activation)
        put(activations, B, "m")
        slip.is_live = False
        assert [each.key for each in await activations.take()] == [B]
        assert not activation.mailbox
        assert slip.acks == 0

    run(story())


def test_what_was_taken_and_did_not_happen_is_taken_again_and_loaded_anew() -> None:
    async def story() -> None:
        activations = Activations(Bounds())
        put(activations, A, "1")
        (activation,) = await activations.take()
        remember(activation)
        activations.retake([activation])
        (again,) = await activations.take()
        assert again is activation
        assert again.memory is None

    run(story())


def test_an_idle_key_is_remembered() -> None:
    async def story() -> None:
        activations = Activations(Bounds())
        await idle(activations, A)
        assert len(activations) == 1
        assert activations.of(A).memory is not None

    run(story())


def test_the_longest_idle_goes_first() -> None:
    async def story() -> None:
        activations = Activations(Bounds(idle=2))
        for key in (A, B):
            await idle(activations, key)
        await idle(activations, A)
        await idle(activations, C)
        assert len(activations) == 2
        assert activations.of(B).memory is None
        assert activations.of(A).memory is not None

    run(story())


def test_an_idle_key_takes_little_beside_its_state() -> None:
    keys = 2_000

    async def story() -> int:
        activations = Activations(Bounds(idle=keys))
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for number in range(keys):
                put(activations, ActorKey("job", f"SHEET-{number}"), "m")
                [activation] = await activations.take()
                activation.mailbox.clear()
                activation.memory = Memory(Row(activation.key, 1, 1, None, 1, Lane(), {}), STATE)
                activations.release(activation)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(activations) == keys
        return after - before

    assert run(story()) / keys <= OWN_BYTES


@pytest.mark.parametrize("lines", [0, 1, 6, 50])
def test_a_remembered_sheet_takes_no_more_than_it_counts_for(lines: int) -> None:
    sheets = 100
    read = ACTORS["timesheet"].state.model_validate_json
    state = sheet_of(lines).model_dump_json().encode()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        remembered = [Memory(Row(A, 1, 1, bytes(bytearray(state)), 1, Lane(), {}), read(state)) for _ in range(sheets)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    activation = Activation(A)
    activation.memory = remembered[0]
    assert (after - before) / sheets <= activation.bytes


def test_idle_keys_are_bounded_by_the_bytes_of_their_states() -> None:
    async def story() -> None:
        activations = Activations(Bounds(idle_bytes=100_000))
        for key in (A, B, C):
            await idle(activations, key, 5_000)
        assert len(activations) == 2
        await idle(activations, KEYS[0], 15_000)
        assert len(activations) == 0, "one that does not fit alone is not kept, nor are those that had to go for it"

    run(story())


def test_a_key_with_work_is_never_let_go() -> None:
    async def story() -> None:
        activations = Activations(Bounds(idle=1, idle_bytes=1))
        for key in KEYS:
            remember(put(activations, key, "m"), 1000)
        assert len(activations) == len(KEYS)
        taken = await activations.take()
        assert all(activation.memory for activation in taken)

    run(story())


moves = st.lists(
    st.tuples(st.sampled_from(["put", "poke", "turn", "retake", "die"]), st.sampled_from(KEYS), st.integers(0, 60)),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(moves)
def test_whatever_happens_bounds_hold_and_nobody_with_work_is_forgotten(
    happening: list[tuple[str, ActorKey, int]],
) -> None:
    async def story() -> None:
        bounds = Bounds(idle=3, idle_bytes=4_000, batch_keys=2)
        activations = Activations(bounds)
        slips = {key: Slip() for key in KEYS}
        for what, key, size in happening:
            match what:
                case "put":
                    activation = activations.of(key)
                    activation.mailbox.append(entry("m", slip=slips[key]))
                    activations.schedule(activation)
                case "poke":
                    activation = activations.of(key)
                    activation.is_poked = True
                    activations.schedule(activation)
                case "die":
                    slips[key].is_live, slips[key] = False, Slip()
                case _ if activations._ready:
                    await turn(activations, size, is_lost=what == "retake")
                case _:
                    pass
            check(activations, bounds)

    run(story())


async def turn(activations: Activations, size: int, *, is_lost: bool) -> None:
    """One batch; `is_lost`: it did not happen."""
    taking = asyncio.create_task(activations.take())
    await rest(3)
    if not taking.done():  # nothing was left of those who stood in line
        taking.cancel()
        return
    taken = await taking
    assert len({activation.key for activation in taken}) == len(taken)
    if is_lost:
        activations.retake(taken)
        return
    for activation in taken:
        activation.mailbox.clear()
        remember(activation, size)
        activations.release(activation)


def check(activations: Activations, bounds: Bounds) -> None:
    """What always holds."""
    idle_ones, active, ready = activations._idle.values(), activations._active.values(), activations._ready
    assert len(idle_ones) <= bounds.idle
    assert sum(activation.bytes for activation in idle_ones) == activations._idle_bytes <= bounds.idle_bytes
    assert not any(activation.has_work or activation.is_scheduled for activation in idle_ones)
    assert len({id(activation) for activation in ready}) == len(ready), "nobody stands in line twice"
    assert {id(activation) for activation in active} == {id(activation) for activation in ready}
