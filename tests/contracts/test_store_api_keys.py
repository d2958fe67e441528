"""Keys of programs, on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from adapters.ports.api_keys import ApiKey, KeyNameTaken, KeyNotFound, Scope
from tests.contracts.store_stands import Process, StoreStand

DIGEST: Final = b"d" * 32
NARROW: Final = Scope(("read",), ("timesheet",), ("DE01",))
DAY: Final = 86_400.0


async def make(process: Process, name: str = "export", digest: bytes = DIGEST, scope: Scope = NARROW) -> ApiKey:
    return await process.api_keys.make(name, digest, scope, days=2, actor="ann", reason="the export at night")


async def test_it_is_known_by_its_digest_to_every_process(store: StoreStand, process: Process) -> None:
    made = await make(process)
    assert (made.name, made.scope, made.by, made.reason) == ("export", NARROW, "ann", "the export at night")
    assert made.expires_at - made.made_at == timedelta(days=2)
    assert await store.process().api_keys.of(DIGEST) == made
    assert await process.api_keys.of(b"e" * 32) is None
    assert await store.audit() == [("ann", "api_key.make", "api-key/export", "the export at night")]


async def test_one_for_everything_has_no_limits(process: Process) -> None:
    everywhere = Scope(("read", "operate"))
    assert (await make(process, scope=everywhere)).scope == everywhere


async def test_it_expires(store: StoreStand, process: Process) -> None:
    await make(process)
    await store.pass_time(2 * DAY - 60)
    assert await process.api_keys.of(DIGEST) is not None
    await store.pass_time(120)
    assert await process.api_keys.of(DIGEST) is None
    [shown] = await process.api_keys.page(before=None, limit=9)
    assert (shown.name, shown.revoked_at) == ("export", None)


async def test_it_is_revoked_once_and_for_ever(store: StoreStand, process: Process) -> None:
    made = await make(process)
    revoked = await process.api_keys.revoke(made.id, actor="bob", reason="it leaked")
    assert (revoked.revoked_by, revoked.revoked_at is not None) == ("bob", True)
    assert await process.api_keys.of(DIGEST) is None
    assert await process.api_keys.revoke(made.id, actor="eve", reason="again") == revoked
    with pytest.raises(KeyNotFound):
        await process.api_keys.revoke(made.id + 1, actor="bob", reason="none")
    assert [act[1:] for act in await store.acts()] == [
        ("api_key.make", "the export at night"), ("api_key.revoke", "it leaked"),
    ]  # fmt: skip


async def test_a_name_means_one_key_for_ever(store: StoreStand, process: Process) -> None:
    made = await make(process)
    await process.api_keys.revoke(made.id, actor="bob", reason="it leaked")
    with pytest.raises(KeyNameTaken):
        await make(process, digest=b"e" * 32)
    assert len(await store.acts()) == 2


async def test_pages_have_the_newest_first(process: Process) -> None:
    made = [await make(process, f"k{number}", bytes([number]) * 32) for number in range(3)]
    first = await process.api_keys.page(before=None, limit=2)
    assert first == [made[2], made[1]]
    assert await process.api_keys.page(before=first[-1].id, limit=2) == [made[0]]
