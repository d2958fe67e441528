"""Who asks, by their token."""

from __future__ import annotations

from pathlib import Path

import yaml

from gateway.callers import digest
from tests.gateway.http.stand import Stand, listening

ANN = {
    "name": "E-17", "token_sha256": digest(b"token-of-ann").hex(), "permissions": ["viewer", "settle"],
    "roles": ["sales-ops", "finance"], "entities": ["timesheet", "project"], "legal_entities": ["US01"],
}  # fmt: skip


async def test_the_one_token_may_do_everything(stand: Stand) -> None:
    told = (await stand.get("/v1/me")).json
    assert told == {
        "name": "api-token", "permissions": ["read", "entities", "reveal", "settle", "audit", "operate", "administer"],
        "roles": ["operator"], "entities": None, "legal_entities": None,
    }  # fmt: skip


async def test_a_caller_is_told_their_permissions_roles_and_reach(database_url: str, tmp_path: Path) -> None:
    callers = tmp_path / "callers.yaml"
    callers.write_text(yaml.safe_dump([ANN]))
    async with listening(database_url, None, callers_file=callers) as stand:
        told = (await stand.asked_by("token-of-ann", "GET", "/v1/me")).json
    assert told == {
        "name": "E-17", "permissions": ["read", "entities", "settle"], "roles": ["finance", "sales-ops"],
        "entities": ["project", "timesheet"], "legal_entities": ["US01"],
    }  # fmt: skip
