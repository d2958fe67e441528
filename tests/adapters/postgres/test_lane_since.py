"""Since when a lane waits: since its head first did, however often that was woken and looked at again."""

from __future__ import annotations

from datetime import datetime

from adapters.ports.turns import Committed
from tests.adapters.postgres.stage import Stage, commit
from tests.contracts.turns import PROJECT, SHEET, applied, drained, message, waiting, waiting_again


async def since(stage: Stage) -> datetime:
    """Since when the sheet's lane is in its state."""
    at: datetime = await stage.observer.fetchval(
        "SELECT lane_since FROM tallystick.entity WHERE entity = $1 AND key = $2", *SHEET
    )
    return at


async def waits(stage: Stage, target_version: int) -> None:
    """The sheet's head is looked at again and waits again."""
    row = (await stage.commits().load([SHEET]))[SHEET]
    [head, *_] = (await stage.commits().lanes([SHEET], limit=1, room=1000))[SHEET]
    assert await commit(stage.observer, waiting_again(row, head, PROJECT, target_version)) == [Committed()]


async def test_a_head_that_waits_again_has_waited_since_it_first_did(stage: Stage) -> None:
    row = (await stage.commits().load([SHEET]))[SHEET]
    await commit(stage.observer, waiting(row, message("e1"), PROJECT, 0))
    first = await since(stage)
    # when: it is woken by a change, and retried by a person
    project = (await stage.commits().load([PROJECT]))[PROJECT]
    await commit(stage.observer, applied(project, message("p1")))
    assert await stage.lanes().wake(page=10) == [SHEET]
    await waits(stage, 1)
    assert await since(stage) == first
    await stage.acts().retry(SHEET, actor="ann", reason="look again")
    assert await since(stage) > first
    await waits(stage, 1)
    assert await since(stage) == first


async def test_another_head_waits_since_then(stage: Stage) -> None:
    for id in ("e1", "e2"):
        row = (await stage.commits().load([SHEET]))[SHEET]
        await commit(stage.observer, waiting(row, message(id), PROJECT, 0))
    first = await since(stage)
    await stage.acts().retry(SHEET, actor="ann", reason="look again")
    # when: the first head goes, and the second waits
    row = (await stage.commits().load([SHEET]))[SHEET]
    [head, _] = (await stage.commits().lanes([SHEET], limit=2, room=1000))[SHEET]
    assert await commit(stage.observer, drained(row, head)) == [Committed()]
    await waits(stage, 0)
    assert await since(stage) > first
