"""Acknowledging by watermark: which acks to send for deliveries of one channel that are done in any order."""

from __future__ import annotations

from typing import NamedTuple


class TagGap(RuntimeError):
    """A delivery tag was skipped: a delivery was lost on its way to us, and a `multiple` ack would swallow it."""


class Ack(NamedTuple):
    """One ack to send: of `tag` alone, or of everything up to and including it."""

    tag: int
    multiple: bool


class AckWindow:
    """The delivery tags of one channel with one consumer: 1, 2, 3 … as they entered, done in any order.

    RabbitMQ answers 406 to an ack whose tag is not outstanding, and closes the channel; also when the tag is only the
    upper end of a `multiple` (`collect_acks` in its `rabbit_channel`). So no tag is ever sent twice.
    """

    __slots__ = ("_acked", "_alone", "_beyond", "_entered", "_prefetch", "_top", "_watermark", "ready")

    def __init__(self, prefetch: int) -> None:
        self._prefetch = prefetch
        self._entered = 0
        """The highest tag that entered."""
        self._acked = 0
        """How many tags an ack was sent for."""
        self._watermark = 0
        """All tags up to here are done."""
        self._top = 0
        """The highest tag up to the watermark that is not acked; 0 when there is none."""
        self.ready = 0
        """How many tags up to the watermark are not acked; a plain attribute, as it is read for every ack."""
        self._beyond: set[int] = set()
        """Done beyond the watermark, not acked."""
        self._alone: set[int] = set()
        """Done beyond the watermark, acked one by one."""

    def __repr__(self) -> str:
        return (
            f"AckWindow(entered={self._entered}, acked={self._acked}, watermark={self._watermark},"
            f" beyond={len(self._beyond)})"
        )

    @property
    def unacked(self) -> int:
        """How many deliveries no ack was sent for: what the broker counts against the prefetch."""
        return self._entered - self._acked

    def enter(self, tag: int | None) -> int:
        """Note a delivery, and return its tag. Raises `TagGap`."""
        if tag != self._entered + 1:
            raise TagGap(f"delivery tag {tag} came after {self._entered}: a delivery is missing")
        self._entered = tag
        return tag

    def done(self, tag: int) -> None:
        """Mark a delivery as done; a second time changes nothing."""
        if tag == self._watermark + 1:
            self._watermark = self._top = tag
            self.ready += 1
            if self._beyond or self._alone:
                self._advance()
        elif tag > self._watermark and tag not in self._alone:
            self._beyond.add(tag)

    def flush(self, *, everything: bool = False) -> list[Ack]:
        """What to send now, in this order: the watermark, then single acks if a straggler blocks it for too many.

        With `everything`, as before closing, single acks for all that is done.
        """
        acks: list[Ack] = []
        if self.ready:
            acks.append(Ack(self._top, multiple=True))
            self._acked += self.ready
            self._top = self.ready = 0
        if everything or self._is_blocked():
            acks.extend(Ack(tag, multiple=False) for tag in sorted(self._beyond))
            self._acked += len(self._beyond)
            self._alone |= self._beyond
            self._beyond.clear()
        return acks

    def _is_blocked(self) -> bool:
        """Whether a straggler holds back so many that it would starve us of deliveries."""
        return 2 * len(self._beyond) > self._prefetch

    def _advance(self) -> None:
        """Move the watermark over what was done beyond it."""
        while True:
            tag = self._watermark + 1
            if tag in self._beyond:
                self._beyond.remove(tag)
                self._top = tag
                self.ready += 1
            elif tag in self._alone:
                self._alone.remove(tag)
            else:
                return
            self._watermark = tag
