"""What the broker says of messages that were published on one channel: confirms, refusals, and messages it returns.

The sieve hands over the frames; aiormq sees none of them, and would spend a task and a queue on each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from struct import Struct
from typing import Final

from adapters.ports.broker import Published

_METHOD, _HEADER, _BODY = 1, 2, 3
_RETURN: Final = b"\x00\x3c\x00\x32"
"""Class 60, method 50: basic.return."""
_ANSWERS: Final = {b"\x00\x3c\x00\x50": Published.CONFIRMED, b"\x00\x3c\x00\x78": Published.REFUSED}
"""Methods 80 and 120: basic.ack and basic.nack."""
_TAG: Final = Struct(">4xQB")
"""Tag, and bits of which the first says: and all before it."""
_CONTENT: Final = Struct(">4xQH")
"""Size of the body, and which properties there are."""
_LENGTH: Final = Struct(">I")
_TEXT, _TABLE, _OCTET = range(3)
_BEFORE: Final = (
    (15, _TEXT),
    (14, _TEXT),
    (13, _TABLE),
    (12, _OCTET),
    (11, _OCTET),
    (10, _TEXT),
    (9, _TEXT),
    (8, _TEXT),
)
"""Properties in front of the message id, by flag."""
_MESSAGE_ID: Final = 1 << 7


class Confirms:
    """The answers to one run of messages after the other, on one channel. In a run no message id comes twice.

    What comes late, for a run that was given up, says nothing of the next one, which may have the same messages again:
    tags rise for ever, and of two messages with the same id the broker returns the first one first.
    """

    def __init__(self) -> None:
        self._sent = 0
        """The tag of the last message that was sent."""
        self._low = 1
        """No tag below it is open."""
        self._open: dict[int, str] = {}
        """Message ids by tag."""
        self._late: dict[int, str] = {}
        """The same of runs that were given up."""
        self._returned: set[str] = set()
        self._told: dict[str, Published] = {}
        self._settled: asyncio.Future[None] | None = None
        self._left: int | None = None
        """Bytes of a returned body still to come; -1 while its header is, too."""

    def begin(self) -> None:
        """Forget the run before."""
        self._late.update(self._open)
        self._low = self._sent + 1
        self._settled = None
        for known in (self._open, self._returned, self._told):
            known.clear()

    def sent(self, ids: Sequence[str]) -> None:
        """These were sent now, in this order."""
        self._open.update(enumerate(ids, self._sent + 1))
        self._sent += len(ids)

    def settled(self) -> asyncio.Future[None]:
        """Done once there is an answer to all that was sent."""
        self._settled = asyncio.get_running_loop().create_future()
        self._look()
        return self._settled

    def of(self, message_id: str) -> Published:
        """What became of a message of this run; without an answer it counts as refused."""
        if message_id in self._returned:
            return Published.UNROUTABLE
        return self._told.get(message_id, Published.REFUSED)

    def takes(self, kind: int, payload: bytes) -> bool:
        """Whether a frame of the channel is an answer, or of a message that comes back."""
        if self._left is not None:
            return self._comes_back(self._left, kind, payload)
        if kind != _METHOD:
            return False
        method = payload[:4]
        if method == _RETURN:
            self._left = -1
        elif method in _ANSWERS:
            tag, bits = _TAG.unpack_from(payload)
            self._answer(tag, bool(bits & 1), _ANSWERS[method])
        else:
            return False
        return True

    def _answer(self, tag: int, is_multiple: bool, answer: Published) -> None:  # noqa: FBT001  # as the frame has it
        for late in [each for each in self._late if each == tag or (is_multiple and each < tag)]:
            del self._late[late]
        end = min(tag, self._sent) + 1
        for each in range(self._low if is_multiple else tag, end):
            message_id = self._open.pop(each, None)
            if message_id is not None:
                self._told[message_id] = answer
        if is_multiple:
            self._low = max(self._low, end)
        self._look()

    def _look(self) -> None:
        if self._settled is not None and not self._open and not self._settled.done():
            self._settled.set_result(None)

    def _comes_back(self, left: int, kind: int, payload: bytes) -> bool:
        """The header and the body of a message that no queue is bound for; its confirm comes behind it."""
        if kind == _HEADER and left < 0:
            left, flags = _CONTENT.unpack_from(payload)
            message_id = _message_id(payload, flags) if flags & _MESSAGE_ID else None
            if message_id is not None and message_id not in self._late.values():
                self._returned.add(message_id)
        elif kind == _BODY and left >= len(payload):
            left -= len(payload)
        else:
            raise ValueError("a message that comes back is not whole")
        self._left = left or None
        return True


def _message_id(payload: bytes, flags: int) -> str:
    at = _CONTENT.size
    for bit, kind in _BEFORE:
        if not flags >> bit & 1:
            continue
        if kind == _TEXT:
            at += 1 + payload[at]
        elif kind == _TABLE:
            at += 4 + _LENGTH.unpack_from(payload, at)[0]
        else:
            at += 1
    return payload[at + 1 : at + 1 + payload[at]].decode(errors="replace")
