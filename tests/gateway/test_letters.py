"""What identifies a delivery that could not become a message: all that was published of it, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import pytest

from gateway.letters import BODY_BYTES, HEADER_CHARACTERS, HEADERS, digest_of, letter_of
from schemas.verdicts import Failure, FailureClass
from tests.gateway.deliveries import Parcel

FAILURE: Final = Failure(FailureClass.SCHEMA, "not_json", "not JSON")
MANY: Final = {f"h{n:03}": n for n in range(HEADERS)}
LONG: Final = "x" * HEADER_CHARACTERS


def with_headers(headers: Mapping[str, object]) -> Parcel:
    return Parcel(b"junk", headers=headers)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MANY | {"zz": 1}, MANY | {"zz": 2}),
        (MANY | {"zz": 1}, MANY),
        ({"a": LONG + "1"}, {"a": LONG + "2"}),
        ({LONG + "1": "a"}, {LONG + "2": "a"}),
        ({"a": {"b": LONG + "1"}}, {"a": {"b": LONG + "2"}}),
        ({"a": b"1"}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": "1", "b": "2"}, {"a": "2", "b": "1"}),
    ],
)
def test_letters_whose_headers_differ_are_two_though_what_is_kept_of_them_is_alike(
    one: Mapping[str, object], other: Mapping[str, object]
) -> None:
    letters = [letter_of(with_headers(each), FAILURE) for each in (one, other)]
    assert letters[0].digest != letters[1].digest
    assert digest_of(with_headers(one)) == letters[0].digest
    assert all(len(letter.headers) <= HEADERS for letter in letters)


def test_of_a_body_that_is_too_large_the_first_part_is_kept_and_the_letter_says_so() -> None:
    whole, larger, other = (b"x" * BODY_BYTES + end for end in (b"", b"1", b"2"))
    letters = [letter_of(Parcel(body), FAILURE) for body in (whole, larger, other)]
    assert [letter.is_cut for letter in letters] == [False, True, True]
    assert {letter.body for letter in letters} == {whole}
    assert len({letter.digest for letter in letters}) == 3


def test_a_redelivery_is_the_same_letter() -> None:
    # given: the orders and the headers of the broker in which one message can come
    headers = {"a": "1", "b": LONG + "1", "c": {"d": [1, 2]}}
    again = dict(reversed(headers.items()))
    dead = {"x-death": [{"count": 3, "queue": "theirs"}], "x-first-death-queue": "theirs", "x-delivery-count": 4}
    copies = [with_headers(each) for each in (headers, again, headers | dead)]
    assert len({digest_of(copy) for copy in copies}) == 1


def test_each_property_tells_letters_apart() -> None:
    plain = Parcel(b"junk")
    others = [
        Parcel(b"junk!"),
        Parcel(b"junk", queue="tallystick.other"),
        Parcel(b"junk", routing_key="other"),
        Parcel(b"junk", user_id=None),
        Parcel(b"junk", content_type=None),
        Parcel(b"junk", headers={"a": None}),
    ]
    assert all(digest_of(one) != digest_of(other) for one, other in combinations([plain, *others], 2))
