"""Restores over the API: declared, released, ended, in this order, each with its reason."""

from __future__ import annotations

import asyncpg

from tests.gateway.http.stand import Stand


async def test_a_restore_goes_through_its_phases(stand: Stand, database_url: str) -> None:
    assert (await stand.get("/v1/restore")).json == {"restore": None}
    assert (await stand.get("/v1/status")).json["restore"] is None

    declared = await stand.post("/v1/restore", {"since": "2026-03-06T17:00:00Z", "reason": "base of noon"})
    assert declared.status == 200
    restore = declared.json["restore"]
    assert isinstance(restore, dict)
    assert (restore["phase"], restore["found"], restore["declared_by"]) == ("held", "declared", "api-token")
    assert restore["since"] == "2026-03-06T17:00:00Z"
    assert (await stand.get("/v1/status")).json["restore"] == restore
    erp = (await stand.get("/v1/systems/erp")).json["held"]
    assert erp == [
        {"reason": "restore", "until": None, "why": "base of noon: a person must release it, see docs/restore.md"}
    ]
    assert 'tallystick_system_held{reason="restore",system="erp"} 1.0' in (await stand.ops("/metrics")).text

    for act, phase in (("release", "released"), ("end", "ended")):
        done = await stand.post(f"/v1/restore/{act}", {"reason": "checked"})
        assert done.status == 200
        restore = done.json["restore"]
        assert isinstance(restore, dict)
        assert restore["phase"] == phase
    assert (await stand.get("/v1/systems/erp")).json["held"] == []
    assert (await stand.get("/v1/status")).json["restore"] is None
    assert (await stand.get("/v1/restore")).json["restore"] == restore

    connection = await asyncpg.connect(database_url)
    acts = await connection.fetch("SELECT actor, action, reason FROM tallystick.audit ORDER BY id")
    await connection.close()
    assert [tuple(act) for act in acts] == [
        ("api-token", "restore.declared", "base of noon"),
        ("api-token", "restore.released", "checked"),
        ("api-token", "restore.ended", "checked"),
    ]


async def test_a_phase_that_is_not_there_is_a_conflict(stand: Stand) -> None:
    refused = await stand.post("/v1/restore/release", {"reason": "checked"})
    assert (refused.status, refused.json["type"]) == (409, "/problems/restore-conflict")
    assert "declare one first" in refused.detail
    await stand.post("/v1/restore", {"since": "2026-03-06T17:00:00Z", "reason": "base"})
    refused = await stand.post("/v1/restore/end", {"reason": "checked"})
    assert "release it first" in refused.detail


async def test_bad_bodies_say_what_to_change(stand: Stand) -> None:
    for body, advice in (
        ({}, "reason: add it"),
        ({"reason": "x"}, "since: add it"),
        ({"reason": " ", "since": "2026-03-06T17:00:00Z"}, "say why"),
        ({"reason": "x", "since": "yesterday"}, "write a time with its zone"),
        ({"reason": "x", "since": "2026-03-06T17:00:00"}, "write a time with its zone"),
    ):
        refused = await stand.post("/v1/restore", body)
        assert refused.status == 400
        assert advice in refused.detail
    refused = await stand.post("/v1/restore", {"reason": "x", "since": "2999-01-01T00:00:00Z"})
    assert refused.status == 409
    assert "future" in refused.detail
