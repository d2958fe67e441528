"""The live systems, started once for the whole run; tests keep apart by the keys that they choose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.live.books import Books
from tests.live.office import Office, office
from tests.live.opportunity import Seller
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.rpc import Rpc
from tests.live.tryton import LocalTryton


@pytest.fixture(scope="session")
def tryton() -> Iterator[LocalTryton]:
    """ERP and CRM."""
    with LocalTryton() as server:
        yield server


@pytest.fixture(scope="session")
def redmine() -> Iterator[LocalRedmine]:
    """PSA."""
    with LocalRedmine() as server:
        yield server


@pytest.fixture
async def erp(tryton: LocalTryton) -> AsyncIterator[Rpc]:
    """The ERP, as the gateway's user."""
    async with Rpc(tryton.url, "erp", "gateway") as rpc:
        yield rpc


@pytest.fixture
async def crm(tryton: LocalTryton) -> AsyncIterator[Rpc]:
    """The CRM, as the gateway's user."""
    async with Rpc(tryton.url, "crm", "gateway") as rpc:
        yield rpc


@pytest.fixture
async def seller(tryton: LocalTryton) -> AsyncIterator[Seller]:
    """Somebody who sells in the CRM."""
    async with Rpc(tryton.url, "crm", "seller") as rpc:
        yield Seller(rpc, tryton.made("crm"))


@pytest.fixture
async def psa(redmine: LocalRedmine) -> AsyncIterator[Rest]:
    """The PSA, as the gateway's user."""
    async with Rest(redmine.url, redmine.made, "gateway") as rest:
        yield rest


@pytest.fixture
async def manager(redmine: LocalRedmine) -> AsyncIterator[Rest]:
    """The PSA, as its administrator, who staffs projects and approves time."""
    async with Rest(redmine.url, redmine.made, "admin") as rest:
        yield rest


@pytest.fixture
async def ben(redmine: LocalRedmine) -> AsyncIterator[Rest]:
    """The PSA, as another consultant."""
    async with Rest(redmine.url, redmine.made, "ben") as rest:
        yield rest


@pytest.fixture
def books(tryton: LocalTryton, redmine: LocalRedmine) -> Books:
    """What stands in their databases."""
    return Books(tryton, redmine)


@pytest.fixture
async def made(
    database_url: str, amqp_url: str, tmp_path: Path, tryton: LocalTryton, redmine: LocalRedmine
) -> AsyncIterator[Office]:
    """The gateway between the live systems."""
    async with office(database_url, amqp_url, tmp_path, tryton.url, redmine.url, redmine.made) as ready:
        yield ready


@pytest.fixture
async def ann(redmine: LocalRedmine) -> AsyncIterator[Rest]:
    """The PSA, as a consultant."""
    async with Rest(redmine.url, redmine.made, "ann") as rest:
        yield rest
