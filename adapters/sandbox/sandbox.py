"""A sandbox system as an aiohttp application: its collections, and the course that each posting takes."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.controls import Controls
from adapters.sandbox.faults import Fault, FaultKind, Faults
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.operations import SandboxOperation, operations_of
from adapters.sandbox.postings import Posting, key_of, read_posting
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.wire import Route, dropped, json_response, problem, problems, response, retry_later

WHOLE: Final = frozenset(FaultKind) - {FaultKind.IGNORE_KEY}
"""Faults that decide the whole course of a posting; at most one strikes."""

BODY_CAP: Final = 1 << 18
"""Bytes of a request's body."""

UNAUTHORISED: Final = Refusal(401, "unauthorised", "Send the bearer token of this system.")
FAILED: Final = Refusal(500, "internal_error", "Something went wrong here.")
REFUSED: Final = Refusal(422, "refused", "These books do not take it as they are: change them, then send it again.")


def utc_now() -> datetime:
    """The time for the journal; nothing depends on it."""
    return datetime.now(UTC)


class Sandbox:
    """One system of one role. `app()` serves it; its state lives as long as this object."""

    def __init__(self, settings: SandboxSettings, *, now: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._faults = Faults()
        self._ledger = Ledger(settings, now)
        self._tasks: set[asyncio.Task[Made | Refusal]] = set()

    def app(self) -> web.Application:
        """Open the journal's file, and make the application. Call once."""
        self._ledger.open()
        app = web.Application(middlewares=[problems], client_max_size=BODY_CAP)
        operations = operations_of(self._settings.role)
        for operation in operations:
            app.router.add_post(operation.path, self._posting_to(operation))
            app.router.add_get(operation.path, self._look_up_in(operation), allow_head=False)
        names = tuple(operation.name for operation in operations)
        Controls(self._settings.system, names, self._ledger.journal, self._faults).add_to(app.router)
        app.on_shutdown.append(self._close)
        return app

    def _posting_to(self, operation: SandboxOperation) -> Route:
        async def post(request: web.Request) -> web.Response:
            if not self._is_authorised(request):
                return problem(UNAUTHORISED)
            headers = request.headers
            key, reference = headers.get("Idempotency-Key"), headers.get("Tallystick-Reference")
            posting = read_posting(operation.name, key, reference, await request.read())
            return problem(posting) if isinstance(posting, Refusal) else await self._take(request, posting)

        return post

    async def _take(self, request: web.Request, posting: Posting) -> web.Response:
        """The course of one posting, as the faults will have it."""
        ignore_key = self._faults.draw(posting.operation, posting.key, {FaultKind.IGNORE_KEY}) is not None
        fault = self._faults.draw(posting.operation, posting.key, WHOLE)
        match fault:
            case None:
                return response(self._settle(posting, ignore_key=ignore_key))
            case Fault(fault=FaultKind.ERROR):
                return problem(FAILED)
            case Fault(fault=FaultKind.REFUSE):
                await asyncio.sleep(fault.seconds)
                return problem(REFUSED)
            case Fault(fault=FaultKind.THROTTLE):
                return retry_later(429, "throttled", "Too many requests.", fault.seconds)
            case Fault(fault=FaultKind.DOWN):
                return _down(request, fault)
            case Fault(fault=FaultKind.EXPIRED):
                return problem(UNAUTHORISED)
            case Fault(fault=FaultKind.APPLY_THEN_500):
                self._settle(posting, ignore_key=ignore_key)
                return problem(FAILED)
            case Fault(fault=FaultKind.LATE_APPLY):
                self._settle_later(posting, fault.seconds, ignore_key=ignore_key)
                return dropped(request)
            case _:
                return response(await self._settle_later(posting, fault.seconds, ignore_key=ignore_key))

    def _settle(self, posting: Posting, *, ignore_key: bool) -> Made | Refusal:
        earlier = None if ignore_key else self._ledger.recall(posting)
        return self._ledger.apply(posting) if earlier is None else earlier

    def _settle_later(self, posting: Posting, seconds: float, *, ignore_key: bool) -> asyncio.Future[Made | Refusal]:
        """Settle a posting whether or not the caller stays; from now on its key is in progress."""
        earlier = None if ignore_key else self._ledger.recall(posting)
        takes_key = earlier is None and not ignore_key
        if takes_key:
            self._ledger.begin(posting)

        async def settle() -> Made | Refusal:
            await asyncio.sleep(seconds)
            if takes_key:
                self._ledger.end(posting)
            return self._ledger.apply(posting) if earlier is None else earlier

        task = asyncio.create_task(settle(), name=f"sandbox {self._settings.system} {posting.reference}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    def _look_up_in(self, operation: SandboxOperation) -> Route:
        async def look_up(request: web.Request) -> web.Response:
            if not self._is_authorised(request):
                return problem(UNAUTHORISED)
            reference = request.query.get("reference")
            key = "" if reference is None else key_of(reference)
            fault = self._faults.draw(operation.name, key, {FaultKind.DOWN, FaultKind.EXPIRED})
            if fault is not None:
                return problem(UNAUTHORISED) if fault.fault is FaultKind.EXPIRED else _down(request, fault)
            if reference is None:
                return problem(Refusal(400, "reference_missing", "Say which one: ?reference=…"))
            found = self._ledger.look_up(operation.name, reference)
            if found is None:
                detail = f"There is no effect with the reference {reference}."
                return problem(Refusal(404, "not_found", detail, type="not-found"))
            return json_response({"id": found})

        return look_up

    async def _close(self, app: web.Application) -> None:
        """Forget what was still to come, as a process does that ends; close the file."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ledger.journal.close()

    def _is_authorised(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        return hmac.compare_digest(given, f"Bearer {self._settings.token}".encode())


def _down(request: web.Request, fault: Fault) -> web.Response:
    if fault.reset:
        return dropped(request)
    return retry_later(503, "down_for_maintenance", "This system is down for maintenance.", fault.seconds)
