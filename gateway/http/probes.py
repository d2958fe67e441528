"""Probes as Kubernetes asks them: a status, and on request each check with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from aiohttp import web
from typing_extensions import TypedDict

from gateway.health import Check, Health
from gateway.runbook import path_of


class ToldCheck(TypedDict):
    """A check as it is shown. `page` is the path of its page in the runbook, on the API's port."""

    name: str
    ok: bool
    detail: str | None
    page: str


class Probes:
    """Answers from what the process knows already: a probe never waits for anything."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def live(self, request: web.Request) -> web.Response:
        """200 while the supervisor sees all its tasks; nothing external counts."""
        return _answer(request, "livez", [self._health.alive])

    async def ready(self, request: web.Request) -> web.Response:
        """200 while the process can do its work."""
        return _answer(request, "readyz", self._health.checks)

    async def started(self, request: web.Request) -> web.Response:
        """200 once the process has registered its consumers."""
        return _answer(request, "startupz", [self._health.started])


def told(checks: Sequence[Check]) -> list[ToldCheck]:
    """The checks as they are shown: a detail only where there is something to say."""
    return [
        {
            "name": check.name, "ok": check.ok, "detail": check.note if check.ok else check.detail,
            "page": path_of(check.name),
        }
        for check in checks
    ]  # fmt: skip


def _answer(request: web.Request, name: str, checks: Sequence[Check]) -> web.Response:
    failed = [check for check in checks if not check.ok]
    status = 503 if failed else 200
    if "application/json" in request.headers.get("Accept", ""):
        content = orjson.dumps({"status": "failed" if failed else "ok", "checks": told(checks)})
        return web.Response(status=status, body=content, content_type="application/json")
    if "verbose" in request.query:
        lines = [_line(check, f"; see {path_of(check.name)}") for check in checks]
        lines += [f"{name} check {'failed' if failed else 'passed'}"]
    else:
        lines = [_line(check) for check in failed] or ["ok"]
    return web.Response(status=status, text="\n".join(lines) + "\n")


def _line(check: Check, see: str = "") -> str:
    """A check; `see` leads on where something is wrong or to be known."""
    if not check.ok:
        return f"[-]{check.name} failed: {check.detail}{see}"
    return f"[+]{check.name} ok, {check.note}{see}" if check.note else f"[+]{check.name} ok"
