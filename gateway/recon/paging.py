"""Books are read page by page, as their system leads: in a circle or for ever, if it is wrong about its own pages."""

from __future__ import annotations

from typing import Final

from adapters.ports.postings import PostingsPage, PostingsUnreadable

MOST_PAGES: Final = 50_000
"""Of one reading: ten million entries in pages of 200."""
MOST_EMPTY: Final = 1000
"""Pages in a row without an entry: a system may leave out what is not ours only when it has read its page."""


class Paging:
    """Notices that a page comes again, however long the circle is, by remembering one page (R. P. Brent, 1980).

    So it does that there is no end of new pages.
    """

    def __init__(self) -> None:
        self._kept: str | None = None
        self._passed = 0
        self._until = 1
        self._pages = 0
        self._empty = 0
        self._last: tuple[str | None] | None = None
        """Where the last page began."""

    def expect_end(self, system: str, start: str | None, page: PostingsPage) -> None:
        """Raise `PostingsUnreadable` where pages seem to have no end. For each page in order.

        `start` is where this one began. One that is read again, since it could not be kept, counts once.
        """
        if self._last == (start,):
            return
        self._last = (start,)
        self._pages += 1
        self._empty = 0 if page.standings else self._empty + 1
        following = page.next
        if following is None:
            return
        if following == start or self.has_been(following):
            raise PostingsUnreadable(f"{system} leads from page {start} back to page {following}: mend its paging")
        if self._empty >= MOST_EMPTY:
            said = f"{self._empty} pages in a row without an entry"
            raise PostingsUnreadable(f"{system} leads from {said} on to page {following}: mend its paging")
        if self._pages >= MOST_PAGES:
            raise PostingsUnreadable(f"{system} has no end after {self._pages} pages: mend its paging, or ask for less")

    def has_been(self, start: str) -> bool:
        """Whether the page that begins here was read before, as far as is noticed yet. For each page once, in order."""
        if start == self._kept:
            return True
        self._passed += 1
        if self._passed == self._until:
            self._kept, self._passed, self._until = start, 0, self._until * 2
        return False
