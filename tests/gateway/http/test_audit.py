"""The audit over the API: found, paged, and checked."""

from __future__ import annotations

import pytest

from gateway.http.answers import cursor_of
from tests.contracts.sealing import seal_all
from tests.contracts.tampering import tamper
from tests.gateway.http.stand import Stand

CHANGE = "UPDATE tallystick.audit SET reason = 'another one' WHERE action = $1"


async def act(stand: Stand) -> None:
    """Pause and resume a key."""
    for verb in ("pause", "resume"):
        assert (await stand.post(f"/v1/lanes/timesheet/T-1/{verb}", {"reason": f"to {verb}"})).status == 200


async def test_what_was_done_is_listed(stand: Stand) -> None:
    await act(stand)
    [last] = (await stand.get("/v1/audit?action=pause&key=T-1&limit=1")).items
    assert {name: last[name] for name in ("by", "action", "entity", "key", "reason", "ref", "place")} == {
        "by": "api-token", "action": "pause.end", "entity": "timesheet", "key": "T-1", "reason": "to resume",
        "ref": None, "place": None,
    }  # fmt: skip
    page = await stand.get("/v1/audit?limit=1")
    [first] = (await stand.get(f"/v1/audit?limit=1&cursor={page.json['next']}")).items
    assert (first["action"], int(str(first["id"])) < int(str(last["id"]))) == ("pause.begin", True)
    assert (await stand.get("/v1/audit?actor=eve")).items == []
    await seal_all(stand.sealing, stand.audit)
    assert [item["place"] for item in (await stand.get("/v1/audit")).items] == [2, 1]


async def test_a_head_is_noted_and_compared(stand: Stand) -> None:
    await act(stand)
    await seal_all(stand.sealing, stand.audit)
    told = (await stand.get("/v1/audit/head")).json
    assert (str(told["head"]).partition(":")[0], told["unsealed"]) == ("2", 0)
    await act(stand)
    await seal_all(stand.sealing, stand.audit)
    page = (await stand.get(f"/v1/audit/verify?head={told['head']}")).json
    assert (page["checked"], page["findings"], page["next"]) == (4, [], None)


async def test_tampering_is_found(stand: Stand, http_database_url: str) -> None:
    await act(stand)
    await seal_all(stand.sealing, stand.audit)
    await tamper(http_database_url, CHANGE, "pause.end")
    findings = (await stand.get("/v1/audit/verify")).json["findings"]
    assert isinstance(findings, list)
    assert [(each["wrong"], each["place"]) for each in findings] == [("changed", 2)]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/audit?since=yesterday", "since"),
        ("/v1/audit?since=0001-01-01T00:00:00%2B14:00", "since"),
        ("/v1/audit?until=9999-12-31T23:59:59-14:00", "until"),
        (f"/v1/dead-letters?cursor={cursor_of(('9999-12-31T23:59:59-14:00', '00'))}", "cursor"),
        ("/v1/audit?cursor=x", "cursor"),
        ("/v1/audit?limit=501", "limit"),
        ("/v1/audit/verify?head=17", "head"),
        ("/v1/audit/verify?cursor=WzEsIDJd", "cursor"),
        ("/v1/audit/head?limit=1", "limit"),
    ],
)
async def test_what_cannot_be_asked(alone: Stand, path: str, field: str) -> None:
    page = await alone.get(path)
    assert page.status == 400
    assert page.detail.startswith(f"{field}: ")
