"""Books are read page by page, as their system leads: in a circle, if it is wrong about its own pages."""

from __future__ import annotations


class Paging:
    """Notices that a page comes again, however long the circle is, by remembering one page (R. P. Brent, 1980)."""

    def __init__(self) -> None:
        self._kept: str | None = None
        self._passed = 0
        self._until = 1

    def has_been(self, start: str) -> bool:
        """Whether the page that begins here was read before, as far as is noticed yet. For each page once, in order."""
        if start == self._kept:
            return True
        self._passed += 1
        if self._passed == self._until:
            self._kept, self._passed, self._until = start, 0, self._until * 2
        return False
