"""The outside systems of a story."""

from __future__ import annotations

from itertools import count
from random import Random

from adapters.ports.system import Absent
from schemas.commands import Command, Confirmed, Rejected, Unknown, command_id, command_reference
from schemas.keys import ActorKey
from schemas.operations.customer import CustomerPut
from tests.checker import cells
from tests.checker.evidence import Cell
from tests.sim.outside import UNIQUE, Mood, Outside

KEY = ActorKey("customer", "C1")
BODY = CustomerPut(
    customer_id="C1", erp_id=None, legal_entity="DE01", name="One", country="DE", tax_id=None, tax_code="D19",
    currency="EUR", payment_terms=None, on_hold=False,
).to_json()  # fmt: skip


def put(line: str, generation: int = 1) -> Command:
    id = command_id("erp", "customer.put", KEY, line, generation)
    return Command(id, "erp", "customer.put", KEY, line, generation, BODY, command_reference(KEY, line, generation))


async def test_what_was_refused_before_a_restore_is_refused_again_and_nothing_else() -> None:
    # Given a system that refused one put and took another, and a store that was restored since
    ticks = count()
    erp = Outside("erp", UNIQUE, Random(1), lambda: float(next(ticks)), lambda _cell: None)
    assert isinstance(erp.arrive(put("1"), Mood.REJECTS), Rejected)
    assert isinstance(erp.arrive(put("2"), Mood.WELL), Confirmed)
    erp.forget_times()
    # When all is sent again
    again = [erp.arrive(each, Mood.WELL) for each in (put("1"), put("2"), put("1", 2), put("3"))]
    # Then only the refused one is refused, and its next generation is not
    assert [type(outcome) for outcome in again] == [Rejected, Confirmed, Confirmed, Confirmed]


async def test_of_a_batch_half_lands_and_the_answer_leaves_the_rest_out() -> None:
    ticks, hits = count(), list[Cell]()
    erp = Outside("erp", UNIQUE, Random(1), lambda: float(next(ticks)), hits.append)
    # When three travel together and it breaks down amid them
    answers = erp.arrive_together([put("1"), put("2"), put("3")], Mood.LEAVES_OUT)
    # Then of the third nothing is said, and nothing was done with it
    assert [type(outcome) for outcome in answers] == [Confirmed, Confirmed, Unknown]
    assert isinstance(erp.look_up(put("3")), Absent)
    assert (len(erp.effects), hits) == (2, [cells.HALF_A_BATCH])
