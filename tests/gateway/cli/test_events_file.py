"""How files are cut into events."""

from __future__ import annotations

import io

import pytest

from gateway.cli.events_file import CAP, read_lines


def cut(content: bytes) -> list[tuple[int, bytes]]:
    return [(line.number, line.body) for line in read_lines("f", io.BytesIO(content))]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n \n", []),
        (b'{"a":1}', [(1, b'{"a":1}')]),
        (b'\n{"a":1}\n\n{"a":2}\r\n', [(2, b'{"a":1}'), (4, b'{"a":2}')]),
        (b'{"a":1}\noops\n{"a":2}\n', [(1, b'{"a":1}'), (2, b"oops"), (3, b'{"a":2}')]),
        (b'oops\n{"a":2}\n', [(1, b"oops"), (2, b'{"a":2}')]),
        (b'\n{\n "a": 1\n}\n', [(2, b'{\n"a": 1\n}')]),
        (b'{\n"a": 1\n}\n{\n"a": 2\n}\n', [(n, line) for n, line in enumerate([b"{", b'"a": 1', b"}"] * 2, 1)][:4]),
    ],
)
def test_lines_and_whole_files(content: bytes, lines: list[tuple[int, bytes]]) -> None:
    assert cut(content)[: len(lines) or None] == lines


def test_a_line_beyond_the_cap_is_cut_and_the_next_one_is_whole() -> None:
    found = cut(b'{"a":1}\n' + b"x" * (3 * CAP) + b'\n{"a":2}\n')
    assert [(number, len(body)) for number, body in found] == [(1, 7), (2, CAP + 1), (3, 7)]


def test_a_large_file_is_not_held_in_memory() -> None:
    class Endless(io.RawIOBase):
        """Gives lines as long as somebody reads."""

        def __init__(self) -> None:
            self.given = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.given += 1
            return b'{"a":1}\n' if self.given > 1 else b"oops\n"

    stream = Endless()
    lines = read_lines("f", stream)  # type: ignore[arg-type]  # what of IO[bytes] is needed
    assert next(lines).body == b"oops"
    assert stream.given * 7 < CAP + 100
