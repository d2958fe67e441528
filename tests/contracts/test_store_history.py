"""History: past messages in the order in which they came, and the ids that systems gave, on both stores."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from adapters.ports.history import GivenId
from adapters.ports.outbox import Ended, Ending
from adapters.ports.turns import Committed
from schemas.keys import ActorKey
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, asking, command, message, send_lane, uuid


async def take(process: Process, key: ActorKey, number: int, *, source: str = "psa") -> None:
    """Let message `number` of all be applied to a key."""
    came = message(f"e{number}", source=source, body=b'{"n":%d}' % number)._replace(ref=UUID(int=number))
    assert await process.commit(applied(await process.row(key), came)) == [Committed()]


async def numbers(
    process: Process, since: datetime | None = None, until: datetime | None = None, limit: int = 9
) -> list[int]:
    """The numbers of past messages."""
    return [past.ref.int for past in await process.history.messages(since=since, until=until, limit=limit)]


async def test_messages_come_in_their_order_with_what_they_were(process: Process) -> None:
    for number, key in ((2, SHEET), (1, OTHER_SHEET), (3, SHEET)):
        await take(process, key, number)
    found = await process.history.messages(since=None, until=None, limit=9)
    assert [(past.ref.int, past.key, past.body) for past in found] == [
        (1, OTHER_SHEET, b'{"n":1}'), (2, SHEET, b'{"n":2}'), (3, SHEET, b'{"n":3}'),
    ]  # fmt: skip


async def test_the_newest_of_a_time_are_found(store: StoreStand) -> None:
    process = store.process()
    for number in (1, 2):
        await take(process, SHEET, number)
    await store.pass_time(3600)
    between = await store.now()
    for number in (3, 4):
        await take(process, SHEET, number)
    first, *_ = await process.history.messages(since=None, until=None, limit=9)
    assert await numbers(process, limit=3) == [2, 3, 4]
    assert await numbers(process, since=between) == [3, 4]
    assert await numbers(process, until=between) == [1, 2]
    assert await numbers(process, since=between, until=between) == []
    assert await numbers(process, since=first.received_at, limit=1) == [4]


async def test_what_the_gateway_itself_has_said_is_left_out(process: Process) -> None:
    await take(process, SHEET, 1)
    await take(process, SHEET, 2, source="tallystick:self")
    await take(process, SHEET, 3, source="tallystick.example")
    assert await numbers(process) == [1, 3]


async def test_ids_that_people_imported_are_there_whenever_it_was(store: StoreStand) -> None:
    process = store.process()
    await take(process, SHEET, 1, source="tallystick:import")
    await store.pass_time(3600)
    between = await store.now()
    for number in (2, 3):
        await take(process, SHEET, number)
    await take(process, SHEET, 4, source="tallystick:import")
    assert await numbers(process) == [1, 2, 3, 4]
    assert await numbers(process, since=between, limit=1) == [1, 3, 4]
    assert await numbers(process, until=between) == [1]


async def test_ids_are_those_that_systems_gave(process: Process) -> None:
    # Given a command that was confirmed with an id, one without, and one that was refused
    endings = ((SHEET, "1", Ending.CONFIRMED, "ERP-1"), (OTHER_SHEET, "2", Ending.CONFIRMED, None))
    for key, line, ending, external_id in (*endings, (ActorKey("timesheet", "T-3"), "3", Ending.REJECTED, None)):
        asked = command(key, line)
        turn = asking(applied(await process.row(key), message(f"{key.id}")), asked)
        assert await process.commit(turn) == [Committed()]
        claimed = await process.outbox.claim([send_lane(key)], holder=uuid("me"), token=uuid(f"token {line}"))
        [leased] = claimed.leased
        await process.outbox.record([Ended(asked, leased.token, leased.attempt, ending, external_id)])
    # Then it alone is known, and only of the keys that are asked for
    keys = [SHEET, OTHER_SHEET, ActorKey("timesheet", "T-3")]
    assert await process.history.given_ids(keys) == [GivenId("erp", "billable.create", SHEET, "1", "ERP-1")]
    assert await process.history.given_ids(keys[1:]) == []
