"""The books of an HTTP+JSON system: one page of what stands is one GET.

`GET {url}{path}?first=2026-03-01&last=2026-03-31&limit=200&after=…` is answered by `{"items": […], "next": "…"}`,
where `next` is the next page's `after`, and null after the last.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import to_json
from yarl import URL

from adapters.http.settings import HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.http.transport import NO_ANSWER, outcome_of_error
from adapters.ports.postings import PostingsPage, PostingsUnavailable, PostingsUnreadable
from schemas.standing import Sort, Standing
from schemas.values import ID_PATTERN, Amount, Currency, Day, Id

PAGE: Final = 200
"""Entries of one page."""
PASSING: Final = frozenset({401, 403, 408, 425, 429})
"""Refusals that end by themselves, or once an operator has renewed the token; so does every 5xx."""


# Control characters are refused here: no database keeps a NUL, and the run would ask for the same page for ever.
_Text = Annotated[str, Field(max_length=2000, pattern=ID_PATTERN)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Item(_Read):
    """One entry as it is told; amounts are decimals in strings."""

    sort: Annotated[Sort, Field(strict=False)]
    external_id: Id
    reference: _Text | None = None
    """Ours, under which it was posted."""
    legal_entity: Id
    day: Day
    amount: Amount | None = None
    currency: Currency | None = None
    account: Id | None = None
    open: Amount | None = None
    body: JsonValue = None
    """What was posted, if the system keeps it."""

    @property
    def standing(self) -> Standing:
        """The entry in our words."""
        body = None if self.body is None else to_json(self.body)
        return Standing(
            self.sort, self.reference, self.external_id, self.legal_entity, self.day, self.amount, self.currency,
            self.account, self.open, body,
        )  # fmt: skip


class _Page(_Read):
    items: list[Item]
    next: _Text | None


class HttpBooks(HttpSystem):
    """An `HttpSystem` that has its books read at `path`."""

    def __init__(self, settings: HttpSystemSettings, path: str) -> None:
        super().__init__(settings)
        self._path = path

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        """A page of what stands; raises `PostingsUnavailable` and `PostingsUnreadable`."""
        asked = {"first": first.isoformat(), "last": last.isoformat(), "limit": str(PAGE)}
        if start is not None:
            asked["after"] = start
        url = URL(self._base + self._path, encoded=True).with_query(asked)
        try:
            answer, content = await self._exchange("GET", url, {"Cache-Control": "no-cache"}, None)
        except NO_ANSWER as error:
            raise PostingsUnavailable(outcome_of_error(error).failure.reason) from error
        if answer.status in PASSING or answer.status >= 500:
            raise PostingsUnavailable(f"{self.name} answered {answer.status} where its books were asked for")
        return _page(self.name, self._path, answer.status, content)


def _page(name: str, path: str, status: int, content: bytes | None) -> PostingsPage:
    where = f"{name} at {path}"
    if status != 200:
        raise PostingsUnreadable(f"{where} answered {status}: correct systems.{name}.postings, or the system")
    if content is None:
        raise PostingsUnreadable(f"{where} answered more than is read of one answer: let it keep to `limit`")
    try:
        page = _Page.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PostingsUnreadable(f"{where} answered what is no page of entries: {place}: {first['msg']}") from error
    return PostingsPage(tuple(item.standing for item in page.items), page.next)
