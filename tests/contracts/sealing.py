"""Sealing until everything is sealed: any transaction that has written, in any database of the cluster, delays it."""

from __future__ import annotations

import asyncio

from adapters.ports.audit import Audit, Sealing


async def seal_all(sealing: Sealing, audit: Audit, *, page: int = 100) -> list[int]:
    """Seal what is there now; how many acts each call has sealed, without those that had to wait."""
    counts: list[int] = []
    async with asyncio.timeout(20):
        while (await audit.chain()).unsealed:
            counts.append(await sealing.seal(page=page) or 0)
            await asyncio.sleep(0.01)  # what it waits for is another session's end, which sets no event here
    return [count for count in counts if count]
