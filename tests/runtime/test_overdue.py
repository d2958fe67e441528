"""A system that says "later" for hours, as the runtime ships: a case for each key that waits, and none in the end."""

from __future__ import annotations

import asyncio

from tests.runtime.firm import Firm
from tests.runtime.test_firm import CUSTOMERS, new_customer
from tests.runtime.town import until
from tests.runtime.vendor import Mood
from tests.runtime.virtual import run

HOUR = 3600.0


def test_a_system_that_never_settles_is_told_of_until_it_does() -> None:
    async def story() -> None:
        firm = Firm()
        firm.books["erp"].otherwise = lambda: Mood.BUSY
        await firm.open(2)
        for id in CUSTOMERS:
            await firm.publish(new_customer(id))
        outbox = firm.store.tables.outbox
        await until(lambda: len(outbox) == len(CUSTOMERS), 60)
        await asyncio.sleep(60)
        assert firm.cases() == []
        for standing in outbox.values():
            standing.at -= 4 * HOUR
        await until(lambda: firm.cases() == ["command_overdue"] * len(CUSTOMERS), 60)
        assert len(outbox) == len(CUSTOMERS)
        firm.books["erp"].otherwise = lambda: Mood.WELL
        await until(lambda: not outbox, 600)
        await until(lambda: firm.cases() == [], 60)
        firm.check_alive()

    run(story())
