"""What a sandbox system shows and lets be changed without a token: its journal, faults, health, and books by hand."""

from __future__ import annotations

from aiohttp import web
from pydantic import ValidationError

from adapters.sandbox.answers import Refusal
from adapters.sandbox.entries import HANDS, UnknownEntry
from adapters.sandbox.faults import FAULTS, Faults
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.wire import json_response, problem


class Controls:
    """`GET /journal?after=&limit=`, `GET|POST|DELETE /faults`, `GET /health`, `POST /by-hand`."""

    def __init__(self, system: str, operations: tuple[str, ...], ledger: Ledger, faults: Faults) -> None:
        self._system = system
        self._operations = operations
        self._ledger = ledger
        self._journal = ledger.journal
        self._faults = faults

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/journal", self._read_journal)
        router.add_get("/health", self._read_health)
        router.add_get("/faults", self._list_faults)
        router.add_post("/faults", self._replace_faults)
        router.add_delete("/faults", self._clear_faults)
        router.add_post("/by-hand", self._do_by_hand)

    async def _read_journal(self, request: web.Request) -> web.Response:
        after, limit = request.query.get("after", "0"), request.query.get("limit")
        if not _is_count(after) or not (limit is None or _is_count(limit)):
            return problem(Refusal(400, "invalid_page", "Send after and limit as whole numbers, 0 or more."))
        page = self._journal.page(int(after), None if limit is None else int(limit))
        return web.Response(body=page, content_type="application/json")

    async def _read_health(self, request: web.Request) -> web.Response:
        return json_response({"status": "ok", "system": self._system, "effects": len(self._journal)})

    async def _list_faults(self, request: web.Request) -> web.Response:
        return json_response([active.fault.model_dump() | {"hits": active.hits} for active in self._faults.active])

    async def _replace_faults(self, request: web.Request) -> web.Response:
        try:
            faults = FAULTS.validate_json(await request.read())
        except ValidationError as error:
            return problem(_invalid(error))
        for fault in faults:
            if fault.operation not in (None, *self._operations):
                detail = f"This system has no operation {fault.operation}; it has {', '.join(self._operations)}."
                return problem(Refusal(422, "invalid_fault", detail, field="operation"))
        self._faults.replace(faults)
        return await self._list_faults(request)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.replace(())
        return web.Response(status=204)

    async def _do_by_hand(self, request: web.Request) -> web.Response:
        """Do to the books what somebody does there by hand, one after the other; the ids of the entries."""
        try:
            hands = HANDS.validate_json(await request.read())
        except ValidationError as error:
            return problem(_invalid(error, "a list of changes"))
        done = []
        for hand in hands:
            try:
                done.append(self._ledger.by_hand(hand))
            except UnknownEntry as error:
                return problem(Refusal(422, "unknown_entry", f"There is no entry {error} here.", field="external_id"))
        return json_response(done)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15


def _invalid(error: ValidationError, what: str = "a list of faults") -> Refusal:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [f"{'.'.join(str(part) for part in each['loc']) or 'body'}: {each['msg']}" for each in wrong[:10]]
    return Refusal(422, "invalid_fault", f"Send {what}. {'; '.join(parts)}.")
