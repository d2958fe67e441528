"""What passes on a wire: bytes cut into the frames of a protocol, and the few of them that a fault may aim at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from struct import unpack_from
from typing import Final, Protocol


class Sender(StrEnum):
    """Who sent a frame: the gateway is the client of everything."""

    CLIENT = "client"
    SERVER = "server"


class Sight(StrEnum):
    """A moment that can be seen from outside a process."""

    COMMIT_ASKED = "commit asked"
    """The last byte of a request that commits turns."""
    COMMIT_ANSWERED = "commit answered"
    """The server's word that the commit is over. What came before it says nothing yet."""
    CLAIM_ASKED = "claim asked"
    CLAIM_ANSWERED = "claim answered"
    """Leases are taken and attempts are logged; no byte has left for a system. A claim that got nothing is not seen."""
    RECORD_ASKED = "record asked"
    """Ends of attempts are on their way into the sent log."""
    RECORD_ANSWERED = "record answered"
    SHUT_DOWN = "shut down"
    """The server's last words to a session that it ends: SQLSTATE 57P01."""
    ACK = "ack"
    """A consumer's acknowledgement. (A publisher's confirm is the server's frame of the same kind.)"""
    CONFIRM = "confirm"
    PUBLISH = "publish"
    DELIVER = "deliver"
    POST_BEGAN = "post began"
    """The head of a posting, and with it perhaps some of its body."""
    POST_ASKED = "post asked"
    """The last byte of a posting."""
    POST_ANSWERED = "post answered"
    """The first byte of the answer to a posting."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes that are forwarded or withheld together."""

    sender: Sender
    raw: bytes
    sight: Sight | None = None


class Dialect(Protocol):
    """Reads one connection. Bytes that do not make a frame yet are kept for the next time."""

    def feed(self, sender: Sender, data: bytes) -> list[Frame]: ...


class Plain:
    """Any protocol: what arrives is a frame."""

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        return [Frame(sender, data)]


_CLAIM: Final = (Sight.CLAIM_ASKED, Sight.CLAIM_ANSWERED)
_NUMBER: Final = 9
"""The column of a claim's answer that is null in all rows but those of attempts."""
_MOMENTS: Final[Mapping[bytes, tuple[Sight, Sight]]] = {
    b"tallystick.commit_turns(": (Sight.COMMIT_ASKED, Sight.COMMIT_ANSWERED),
    b"tallystick.claim_lanes(": _CLAIM,
    b"tallystick.record_ends(": (Sight.RECORD_ASKED, Sight.RECORD_ANSWERED),
}
_TLS_REQUEST: Final = (80_877_103).to_bytes(4, "big")
"""A client may ask for TLS first; the server says yes or no in one byte, and ours says no."""


class Postgres:
    """PostgreSQL's protocol, version 3.0, without TLS; see its documentation, "Message Formats".

    A prepared statement is named when it is parsed and run by that name later: a moment belongs to the run. The server
    has done what was asked when it is ready for the next query; `CommandComplete` comes before an implicit commit.
    """

    def __init__(self) -> None:
        self._rest = {Sender.CLIENT: b"", Sender.SERVER: b""}
        self._has_started = False
        self._is_asked_for_tls = False
        self._statements: dict[bytes, tuple[Sight, Sight]] = {}
        self._bound: tuple[Sight, Sight] | None = None
        self._running: tuple[Sight, Sight] | None = None
        self._has_leased = False

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        buffer = self._rest[sender] + data
        frames: list[Frame] = []
        at = 0
        while (size := self._size(sender, buffer, at)) is not None and at + size <= len(buffer):
            raw = buffer[at : at + size]
            frames.append(Frame(sender, raw, self._sight(sender, raw)))
            at += size
        self._rest[sender] = buffer[at:]
        return frames

    def _size(self, sender: Sender, buffer: bytes, at: int) -> int | None:
        """Length of the message at `at`; None if it cannot be told yet. The first of a client has no type byte."""
        if sender is Sender.SERVER and self._is_asked_for_tls:
            return 1
        kind = 0 if sender is Sender.CLIENT and not self._has_started else 1
        if len(buffer) < at + kind + 4:
            return None
        size: int = unpack_from("!I", buffer, at + kind)[0]
        return kind + size

    def _sight(self, sender: Sender, raw: bytes) -> Sight | None:
        return self._of_server(raw) if sender is Sender.SERVER else self._of_client(raw)

    def _of_server(self, raw: bytes) -> Sight | None:
        self._is_asked_for_tls = False
        match raw[:1]:
            case b"D":
                self._has_leased = self._has_leased or (self._running is _CLAIM and not _is_null(raw, _NUMBER))
                return None
            case b"Z":
                return self._ready()
            case b"E" if b"\0C57P01\0" in raw:
                return Sight.SHUT_DOWN
            case _:
                return None

    def _of_client(self, raw: bytes) -> Sight | None:
        if not self._has_started:
            self._is_asked_for_tls = raw[4:] == _TLS_REQUEST
            self._has_started = not self._is_asked_for_tls
            return None
        match raw[:1]:
            case b"P":
                name, _, query = raw[5:].partition(b"\0")
                moment = next((moment for marker, moment in _MOMENTS.items() if marker in query), None)
                self._statements.pop(name, None)
                if moment is not None:
                    self._statements[name] = moment
            case b"B":
                self._bound = self._statements.get(raw[5:].split(b"\0", 2)[1])
            case b"Q":
                self._bound = next((moment for marker, moment in _MOMENTS.items() if marker in raw), None)
                return self._asked()
            case b"S":
                return self._asked()
            case _:
                pass
        return None

    def _asked(self) -> Sight | None:
        if self._bound is None:
            return None
        self._running, self._bound = self._bound, None
        return self._running[0]

    def _ready(self) -> Sight | None:
        running, has_leased = self._running, self._has_leased
        self._running, self._has_leased = None, False
        return None if running is None or (running is _CLAIM and not has_leased) else running[1]


def _is_null(row: bytes, column: int) -> bool:
    """Whether a `DataRow` has no value there: each value has its length before it, and -1 where there is none."""
    at = 7
    for _ in range(column):
        at += 4 + max(0, unpack_from("!i", row, at)[0])
    length: int = unpack_from("!i", row, at)[0]
    return length == -1


_AMQP_HEADER: Final = 8
_METHOD: Final = 1
_BASIC: Final = 60
_METHODS: Final[Mapping[tuple[Sender, int], Sight]] = {
    (Sender.CLIENT, 40): Sight.PUBLISH,
    (Sender.CLIENT, 80): Sight.ACK,
    (Sender.SERVER, 60): Sight.DELIVER,
    (Sender.SERVER, 80): Sight.CONFIRM,
}


class Amqp:
    """AMQP 0-9-1 without TLS: a header from the client, then frames; see its specification, section 2.3.5."""

    def __init__(self) -> None:
        self._rest = {Sender.CLIENT: b"", Sender.SERVER: b""}
        self._has_started = False

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        buffer = self._rest[sender] + data
        frames: list[Frame] = []
        at = 0
        if sender is Sender.CLIENT and not self._has_started and len(buffer) >= _AMQP_HEADER:
            frames.append(Frame(sender, buffer[:_AMQP_HEADER]))
            self._has_started, at = True, _AMQP_HEADER
        while self._has_started and len(buffer) >= at + 7:
            size: int = unpack_from("!I", buffer, at + 3)[0] + 8
            if at + size > len(buffer):
                break
            raw = buffer[at : at + size]
            frames.append(Frame(sender, raw, self._sight(sender, raw)))
            at += size
        self._rest[sender] = buffer[at:]
        return frames

    def _sight(self, sender: Sender, raw: bytes) -> Sight | None:
        if raw[0] != _METHOD:
            return None
        family, method = unpack_from("!HH", raw, 7)
        return _METHODS.get((sender, method)) if family == _BASIC else None


@dataclass(frozen=True, slots=True)
class Posting:
    """A whole POST request as it passed: its headers by their names in lower case, and its body."""

    headers: Mapping[str, str]
    body: bytes


class Http:
    """HTTP/1.1 as our client speaks it: a body comes with its length, and no request before the last answer.

    `heard` is told of each posting whose last byte has come.
    """

    def __init__(self, heard: Callable[[Posting], None] = lambda _posting: None) -> None:
        self._heard = heard
        self._head = b""
        self._body = b""
        self._left = 0
        self._headers: Mapping[str, str] | None = None
        """Of the posting that is under way; None for other requests."""
        self._is_asked = False

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        if sender is Sender.SERVER:
            sight = Sight.POST_ANSWERED if self._is_asked else None
            self._is_asked = False
            return [Frame(sender, data, sight)]
        if self._left:
            return [Frame(sender, data, self._took(data))]
        self._head += data
        head, end, body = self._head.partition(b"\r\n\r\n")
        if not end:
            return []
        self._head, self._body = b"", b""
        headers = _headers(head)
        self._headers = headers if head.startswith(b"POST ") else None
        self._left = int(headers.get("content-length", "0"))
        frames = [Frame(sender, head + end, None if self._headers is None else Sight.POST_BEGAN)]
        if body or not self._left:
            frames.append(Frame(sender, body, self._took(body)))
        return frames

    def _took(self, data: bytes) -> Sight | None:
        self._body += data
        self._left -= len(data)
        if self._left or self._headers is None:
            return None
        self._heard(Posting(self._headers, self._body))
        self._is_asked, self._headers = True, None
        return Sight.POST_ASKED


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
