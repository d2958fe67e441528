"""Audited looks, on both stores."""

from __future__ import annotations

import pytest

from adapters.ports.reveals import NotKept
from adapters.ports.turns import Committed
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import SHEET, applied, message, uuid

ANN = {"actor": "ann", "reason": "the client asks"}


async def test_what_a_message_says_is_audited(store: StoreStand, process: Process) -> None:
    came = message("e1")
    assert await process.commit(applied(await process.row(SHEET), came)) == [Committed()]
    assert await process.reveals.message(came.ref, **ANN) == came.body
    assert await store.audit() == [("ann", "message.payload", "timesheet/T-1", "the client asks")]


async def test_what_is_not_kept_is_no_look(store: StoreStand, process: Process) -> None:
    with pytest.raises(NotKept):
        await process.reveals.message(uuid("nothing"), **ANN)
    assert await store.acts() == []


async def test_a_look_at_an_entity_is_audited(store: StoreStand, process: Process) -> None:
    await process.reveals.entity(SHEET, **ANN)
    assert await store.audit() == [("ann", "entity.reveal", "timesheet/T-1", "the client asks")]
