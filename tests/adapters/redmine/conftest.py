"""A Redmine that stands in, and what asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.redmine.changes import TimeEntryFeed
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields, RedmineSettings
from adapters.redmine.system import Redmine
from tests.adapters.redmine.stand_in import KEY, StandIn, standing_in

FIELDS = RedmineFields(project_id=1, erp_id=2, legal_entity=3, currency=4, approval=5)
OUR_CLOCK = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def redmine() -> AsyncIterator[StandIn]:
    async with standing_in() as running:
        yield running


@pytest.fixture
def settings(redmine: StandIn) -> RedmineSettings:
    return RedmineSettings("psa", redmine.url, KEY, FIELDS, timeout=5.0, connect_timeout=2.0)


@pytest.fixture
async def system(settings: RedmineSettings) -> AsyncIterator[Redmine]:
    running = Redmine(settings, reads_changes=True)
    yield running
    await running.close()


@pytest.fixture
async def feed(settings: RedmineSettings) -> AsyncIterator[TimeEntryFeed]:
    running = TimeEntryFeed(settings, RedmineFeedSettings(), lambda: OUR_CLOCK)
    yield running
    await running.close()
