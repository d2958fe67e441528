"""What messages say: shown with a reason, and audited, for they may hold what not everybody should read."""

from __future__ import annotations

from aiohttp import hdrs, web

from adapters.ports.reveals import NotKept, Reveals
from gateway.http.access import CALLER
from gateway.http.problems import MESSAGE_NOT_FOUND, Problem
from gateway.http.requests import PayloadQuery, message_ref, query
from schemas.codec import STRUCTURED


class MessagePayloads:
    """Answers one route."""

    def __init__(self, reveals: Reveals) -> None:
        self._reveals = reveals

    async def payload(self, request: web.Request) -> web.Response:
        """The event as it was taken in, in structured mode."""
        asked, ref = query(request, PayloadQuery), message_ref(request)
        try:
            body = await self._reveals.message(ref, actor=request[CALLER].name, reason=asked.reason)
        except NotKept as error:
            detail = f"There is no message {ref}, or it is older than messages are kept: look at /v1/messages."
            raise Problem(MESSAGE_NOT_FOUND, detail) from error
        headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{ref}.json"'}
        return web.Response(body=body, content_type=STRUCTURED, headers=headers)
