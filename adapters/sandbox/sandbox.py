"""A sandbox system as an aiohttp application: its collections, and the course that each posting takes."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from adapters.sandbox.answers import Refusal
from adapters.sandbox.batches import Batches, read_batch
from adapters.sandbox.controls import Controls
from adapters.sandbox.entries import Page, told
from adapters.sandbox.faults import BATCH, Fault, FaultKind, Faults
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.operations import SandboxOperation, operations_of
from adapters.sandbox.postings import Posting, key_of, read_posting
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.settling import Settling
from adapters.sandbox.wire import (
    FAILED,
    REFUSED,
    UNAUTHORISED,
    Route,
    dropped,
    json_response,
    problem,
    problems,
    response,
    turned_away,
)

WHOLE: Final = frozenset(FaultKind) - BATCH - {FaultKind.IGNORE_KEY}
"""Faults that decide the whole course of a posting; at most one strikes."""

BODY_CAP: Final = 1 << 18
"""Bytes of a request's body."""
BATCH_CAP: Final = 1 << 22
"""The same for a batch."""


def utc_now() -> datetime:
    """The time for the journal; nothing depends on it."""
    return datetime.now(UTC)


class Sandbox:
    """One system of one role. `app()` serves it; its state lives as long as this object."""

    def __init__(self, settings: SandboxSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._faults = Faults()
        self._ledger = Ledger(settings, now)
        self._settling = Settling(settings.system, self._ledger)
        self._batches = Batches(self._settling, self._faults)

    def app(self) -> web.Application:
        """Open the journal's file, and make the application. Call once."""
        self._ledger.open()
        app = web.Application(middlewares=[problems], client_max_size=BATCH_CAP)
        operations = operations_of(self._settings.role)
        for operation in operations:
            app.router.add_post(operation.path, self._posting_to(operation))
            app.router.add_post(f"{operation.path}/batch", self._batch_to(operation))
            app.router.add_get(operation.path, self._look_up_in(operation), allow_head=False)
        names = tuple(operation.name for operation in operations)
        app.router.add_get("/postings", self._read_postings)
        Controls(self._settings.system, names, self._ledger, self._faults).add_to(app.router)
        app.on_shutdown.append(self._close)
        return app

    def _posting_to(self, operation: SandboxOperation) -> Route:
        async def post(request: web.Request) -> web.Response:
            if not self._is_authorised(request):
                return problem(UNAUTHORISED)
            headers = request.headers
            key, reference = headers.get("Idempotency-Key"), headers.get("Tallystick-Reference")
            raw = await request.read()
            if len(raw) > BODY_CAP:
                raise web.HTTPRequestEntityTooLarge(BODY_CAP, len(raw))
            posting = read_posting(operation.name, key, reference, raw)
            return problem(posting) if isinstance(posting, Refusal) else await self._take(request, posting)

        return post

    def _batch_to(self, operation: SandboxOperation) -> Route:
        async def post(request: web.Request) -> web.Response:
            if not self._is_authorised(request):
                return problem(UNAUTHORISED)
            lines = read_batch(operation.name, await request.read())
            if isinstance(lines, Refusal):
                return problem(lines)
            return await self._batches.take(request, operation.name, lines)

        return post

    async def _take(self, request: web.Request, posting: Posting) -> web.Response:
        """The course of one posting, as the faults will have it."""
        settling, keys = self._settling, {posting.key}
        ignore_key = self._faults.draw(posting.operation, keys, {FaultKind.IGNORE_KEY}) is not None
        fault = self._faults.draw(posting.operation, keys, WHOLE)
        match fault:
            case None:
                return response(settling.settle(posting, ignore_key=ignore_key))
            case Fault(fault=FaultKind.ERROR):
                return problem(FAILED)
            case Fault(fault=FaultKind.REFUSE):
                await asyncio.sleep(fault.seconds)
                return problem(REFUSED)
            case Fault(fault=FaultKind.APPLY_THEN_500):
                settling.settle(posting, ignore_key=ignore_key)
                return problem(FAILED)
            case Fault(fault=FaultKind.LATE_APPLY):
                settling.settle_later(posting, fault.seconds, ignore_key=ignore_key)
                return dropped(request)
            case Fault(fault=FaultKind.SLOW):
                return response(await settling.settle_later(posting, fault.seconds, ignore_key=ignore_key))
            case _:
                return turned_away(request, fault)

    def _look_up_in(self, operation: SandboxOperation) -> Route:
        async def look_up(request: web.Request) -> web.Response:
            if not self._is_authorised(request):
                return problem(UNAUTHORISED)
            reference = request.query.get("reference")
            key = "" if reference is None else key_of(reference)
            fault = self._faults.draw(operation.name, {key}, {FaultKind.DOWN, FaultKind.EXPIRED})
            if fault is not None:
                return turned_away(request, fault)
            if reference is None:
                return problem(Refusal(400, "reference_missing", "Say which one: ?reference=…"))
            found = self._ledger.look_up(operation.name, reference)
            if found is None:
                detail = f"There is no effect with the reference {reference}."
                return problem(Refusal(404, "not_found", detail, type="not-found"))
            return json_response({"id": found})

        return look_up

    async def _read_postings(self, request: web.Request) -> web.Response:
        """A page of what stands in the books, as `adapters.http.postings` asks for it."""
        if not self._is_authorised(request):
            return problem(UNAUTHORISED)
        try:
            asked = Page.model_validate(dict(request.query))
        except ValidationError:
            detail = "Send first and last as days, limit from 1 to 1000, and after as the page before told it."
            return problem(Refusal(400, "invalid_page", detail))
        entries, following = self._ledger.entries.page(asked.first, asked.last, asked.after, asked.limit)
        return json_response({"items": list(map(told, entries)), "next": None if following is None else str(following)})

    async def _close(self, app: web.Application) -> None:
        """Forget what was still to come, and close the file."""
        await self._settling.close()
        self._ledger.journal.close()

    def _is_authorised(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        return hmac.compare_digest(given, f"Bearer {self._settings.token}".encode())
