"""What was done is sent again over the API: planned and started by those alone who may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import yaml

from adapters.ports.replays import Asked, Outlook, Prediction
from gateway.callers import digest
from gateway.four_eyes import FourEyes
from schemas.verdicts import Verdict
from tests.gateway.http.stand import Page, Stand, listening

SENT: Final = "/v1/replays/plans/sent"
SINCE: Final = "2020-03-06T17:00:00Z"
CONFIRMED: Final = """
    INSERT INTO tallystick.sent (id, system, operation, entity, key, line, generation, reference, body, entity_version,
                                 index)
    VALUES (gen_random_uuid(), 'erp', 'billable.post', 'timesheet', 'T-1', 'l1', 1, 'timesheet/T-1/l1/1', '{}', 1, 0)
"""
GONE: Final = Prediction(Verdict.APPLIED, None, None, (Asked("erp", "billable.post", "timesheet/T-1/l1/1"),))


@asynccontextmanager
async def restored(database_url: str, tmp_path: Path, four_eyes: FourEyes | None = None) -> AsyncIterator[Stand]:
    """The listeners for one who may do all, and for an operator; the ERP has confirmed a command."""
    file = tmp_path / "callers.yaml"
    may = {"ann": "admin", "bob": "operator"}
    entries = [{"name": name, "token_sha256": digest(name.encode()).hex(), "permissions": [bundle]}
               for name, bundle in may.items()]  # fmt: skip
    file.write_text(yaml.safe_dump(entries))
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(CONFIRMED)
    finally:
        await connection.close()
    async with listening(database_url, None, callers_file=file, four_eyes=four_eyes or FourEyes()) as stand:
        yield stand


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """As above, where one person may do all that their permissions allow."""
    async with restored(database_url, tmp_path) as stand:
        yield stand


async def plan(stand: Stand, by: str = "ann", changed: Mapping[str, object] | None = None) -> Page:
    body = {"reason": "restored", "system": "erp", "since": SINCE, **(changed or {})}
    return await stand.asked_by(by, "POST", SENT, body, Idempotency_Key="1")


async def ready(stand: Stand) -> str:
    """The token of a plan whose one command is gone."""
    assert (await plan(stand)).status == 202
    made = await stand.replay_work.deciding()
    assert made is not None
    kept = await stand.replay_work.predicted(made, {1: GONE}, [], decided=1)
    assert kept is not None
    token = f"{made.id}-a"
    await stand.replay_work.ready(kept, Outlook({Verdict.APPLIED: 1}), policy=None, token=token, seconds=60)
    return token


async def start(stand: Stand, token: str, by: str) -> Page:
    body = {"token": token, "name": "restored", "reason": "restored"}
    return await stand.asked_by(by, "POST", "/v1/replays", body)


async def test_a_plan_has_what_the_system_has_confirmed(stand: Stand) -> None:
    made = await plan(stand)
    assert made.status == 202
    assert made.json["filter"] == {"system": "erp", "since": SINCE, "mode": "sent"}
    items = await stand.asked_by("ann", "GET", f"/v1/replays/{made.json['id']}/items")
    [item] = items.items
    assert (item["source"], item["id"], item["type"]) == ("erp", "timesheet/T-1/l1/1", "billable.post")
    assert (await plan(stand)).json["id"] == made.json["id"]
    assert len(stand.hints) == 2


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"system": "psa"}, 404, "There is no system psa"),
        ({"since": "2100-01-01T00:00:00Z"}, 404, "Nothing is kept that erp has confirmed since then"),
        ({"entity": "project"}, 404, "Nothing is kept"),
        ({"key": "T-1"}, 400, "give `entity` with `key`"),
        ({"since": None}, 400, "since"),
        ({"reason": ""}, 400, "say why"),
    ],
)
async def test_what_cannot_be_planned_is_refused(
    stand: Stand, changed: dict[str, object], status: int, said: str
) -> None:
    refused = await plan(stand, changed=changed)
    assert (refused.status, said in refused.detail) == (status, True), refused.text


async def test_an_operator_neither_plans_nor_starts_nor_resumes_it(stand: Stand) -> None:
    assert (await plan(stand, "bob")).status == 403
    token = await ready(stand)
    refused = await start(stand, token, "bob")
    assert (refused.status, "needs administer" in refused.detail) == (403, True)
    started = await start(stand, token, "ann")
    assert (started.status, started.json["started_by"]) == (202, "ann")
    path = f"/v1/replays/{started.json['id']}"
    because = {"reason": "wait"}
    assert (await stand.asked_by("bob", "POST", f"{path}/pause", because)).status == 200
    assert (await stand.asked_by("bob", "POST", f"{path}/resume", because)).status == 403
    named = await stand.asked_by("ann", "POST", f"{path}/resume", because | {"policy": "abcdefabcdef"})
    assert (named.status, named.json["type"]) == (422, "/problems/replay-without-policy")
    assert (await stand.asked_by("ann", "POST", f"{path}/resume", because)).status == 200
    assert (await stand.asked_by("bob", "POST", f"{path}/cancel", because)).status == 200


async def test_what_is_large_is_started_by_two(database_url: str, tmp_path: Path) -> None:
    async with restored(database_url, tmp_path, FourEyes(items_above=0)) as stand:
        token = await ready(stand)
        assert (await start(stand, token, "bob")).status == 403
        needed = await start(stand, token, "ann")
        assert (needed.status, needed.json["type"]) == (409, "/problems/approval-needed")
        path = f"/v1/approvals/{needed.detail.partition('/v1/approvals/')[2][:64]}"
        assert (await stand.asked_by("ann", "POST", path, {"reason": "myself"})).status == 409
        assert (await stand.asked_by("bob", "POST", path, {"reason": "seen"})).status == 200
        assert (await start(stand, token, "ann")).status == 202


async def test_a_token_of_no_plan_is_not_found(stand: Stand) -> None:
    for token in ("a-b", "999999-a", "9" * 30):
        assert (await start(stand, token, "bob")).status == 404


async def test_what_is_not_kept_that_long_is_no_part_of_a_plan_unseen(stand: Stand) -> None:
    refused = await plan(stand, changed={"since": "1900-03-06T17:00:00Z"})
    assert refused.status == 400
    detail = str(refused.json["detail"])
    assert "`sent_days`" in detail
    assert "reconciliation" in detail
    assert await stand.replay_work.deciding() is None
