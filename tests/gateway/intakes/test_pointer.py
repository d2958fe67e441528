"""JSON Pointer as in RFC 6901, section 5, and from the beginning of the message."""

from __future__ import annotations

import pytest

from gateway.intakes.pointer import pointer

DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, " ": 7, "none": None, "0": "name"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/m~0n", 8),
        ("/ ", 7), ("/0", "name"), ("/foo/2", None), ("/foo/-", None), ("/foo/00", None), ("/foo/bar", None),
        ("/none", None), ("/none/x", None), ("/nowhere", None), ("/m~0n/x", None), ("/foo/\u0660", None),
    ],
)  # fmt: skip
def test_it_finds_what_the_standard_says(text: str, found: object) -> None:
    assert pointer(text).find(None, DOCUMENT) == found
    assert pointer(f"${text}").find(DOCUMENT, {"foo": "another"}) == found


@pytest.mark.parametrize("text", ["foo", "foo/0", "/a~b", "/a~2", "#/a", "$foo", "$$", 7, None, ["/a"]])
def test_what_is_no_pointer_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="such as /sheet/id"):
        pointer(text)


def test_people_are_told_where_it_is_in_the_whole_message() -> None:
    assert pointer("/hours").seen_from("/lines/2") == "/lines/2/hours"
    assert pointer("$/no").seen_from("/lines/2") == "/no"
    assert pointer("").seen_from("") == "the message"
