"""The decoders that read whatever a publisher put into a message's properties."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pamqp.frame
import pytest
from aiormq import spec
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode
from pamqp.exceptions import UnmarshalingException
from pamqp.header import ContentHeader

from adapters.rabbitmq.tolerance import (
    DEPTH,
    Unreadable,
    read_flags,
    read_short_text,
    read_table,
    read_timestamp,
    tolerate_odd_values,
)
from schemas.codec import decode as decode_event
from schemas.envelope import Undecodable
from tests.adapters.rabbitmq.odd import (
    CONTENT_TYPE,
    HEADERS,
    USER_ID,
    RawProperties,
    counted,
    nested_arrays,
    nested_tables,
    short,
    text_field,
)

NAMES = st.sampled_from([b"ce-id", b"ce-type", b"k", b"", b"\xff", b"\xc3"])
KINDS = st.sampled_from([bytes([byte]) for byte in b"tbBsuIilLfdDSATFVx\0Z?"])
SOUND_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=40)
    | st.floats(allow_nan=False, width=32)
    | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=12,
)


@st.composite
def odd_fields(draw: st.DrawFn) -> bytes:
    """Fields of a table that begin as fields do and go on as they like."""
    fields = b""
    for _ in range(draw(st.integers(0, 4))):
        value = draw(KINDS) + draw(
            st.binary(max_size=12) | st.binary(max_size=12).map(counted) | odd_fields().map(counted)
        )
        fields += short(draw(NAMES)) + value
    return fields


@given(st.binary(max_size=60) | odd_fields().map(counted))
def test_any_bytes_are_read_or_are_cut_short(value: bytes) -> None:
    for read in (read_flags, read_short_text, read_timestamp, read_table):
        try:
            used, _ = read(value)
        except ValueError:
            continue
        assert used > 0


@given(odd_fields(), st.binary(max_size=12))
def test_a_table_is_read_up_to_its_end_whatever_is_in_it(fields: bytes, behind: bytes) -> None:
    used, table = read_table(counted(fields) + behind)
    assert used == 4 + len(fields)
    assert table == read_table(counted(fields))[1] or "nan" in repr(table)


@given(odd_fields())
def test_an_event_with_any_headers_is_refused_at_most(fields: bytes) -> None:
    with pytest.raises(Undecodable):
        decode_event(b"{}", "application/json", read_table(counted(fields))[1])


@given(st.dictionaries(st.text(max_size=20), SOUND_VALUES, max_size=4))
def test_sound_tables_are_read_as_before(table: dict[str, object]) -> None:
    encoded = encode.field_table(table)  # type: ignore[arg-type]  # the strategy makes what pamqp can write
    assert read_table(encoded) == decode.field_table(encoded)


@pytest.mark.parametrize("seconds", [1_700_000_000_000_000, 1_700_000_000_000_000_000, 2**64 - 1])
def test_a_moment_beyond_the_calendar_is_unreadable(seconds: int) -> None:
    encoded = struct.pack(">Q", seconds)
    assert isinstance(read_timestamp(encoded)[1], Unreadable)
    assert isinstance(read_table(counted(short(b"k") + b"T" + encoded))[1]["k"], Unreadable)


def test_a_moment_is_read() -> None:
    assert read_timestamp(struct.pack(">Q", 1_700_000_000)) == (8, datetime.fromtimestamp(1_700_000_000, UTC))


def test_a_text_that_is_not_utf8_shows_where() -> None:
    assert read_short_text(short(b"a\xffb") + b"behind") == (4, "a�b")
    assert read_table(counted(text_field(b"\xff", b"x"))) == (12, {"�": "x"})


@pytest.mark.parametrize("fields", [nested_tables(900), nested_arrays(900), nested_tables(9_000)])
def test_what_is_nested_too_deep_is_skipped(fields: bytes) -> None:
    _, table = read_table(counted(fields + text_field(b"k", b"v")))
    assert table["k"] == "v"
    assert str(table).count("in") + str(table).count("[") < 2 * DEPTH + 4
    assert f"nested deeper than {DEPTH}" in str(table)


@pytest.mark.parametrize(
    "odd", [b"Z123", b"S\x00\x00\x00\xff", b"S\xff\xff\xff\xff", b"x\x00", b"l1", b"A\xff\xff\xff\xff"]
)
def test_a_table_that_breaks_off_is_given_up_as_a_whole(odd: bytes) -> None:
    table = read_table(counted(text_field(b"ce-id", b"1") + short(b"k") + odd))[1]
    assert list(table) == ["ce-id", "k"]
    assert all(isinstance(value, Unreadable) for value in table.values())


def test_an_inner_table_that_breaks_off_leaves_the_outer_one() -> None:
    inner = short(b"k") + b"F" + counted(short(b"l") + b"Z123")
    table = read_table(counted(inner + text_field(b"ce-id", b"1")))[1]
    assert table == {"k": {"l": Unreadable("a field is of the unknown type 0x5a")}, "ce-id": "1"}


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00", counted(text_field(b"k", b"v"))[:-1]])
def test_what_is_cut_short_still_breaks_the_frame(value: bytes) -> None:
    tolerate_odd_values()
    with pytest.raises(UnmarshalingException):
        pamqp.frame.unmarshal(pamqp.frame.marshal(ContentHeader(properties=RawProperties(HEADERS, value)), 1))


def test_tolerating_twice_is_tolerating_once() -> None:
    tolerate_odd_values()
    once = dict(decode.METHODS)
    tolerate_odd_values()
    assert once == decode.METHODS
    assert decode.by_type(short(b"\xff"), "shortstr") == (2, "�")
    frame = pamqp.frame.marshal(spec.Basic.Deliver("tag", 1, False, "exchange", "key"), 1)  # noqa: FBT003 - pamqp's order
    read = pamqp.frame.unmarshal(frame)[2]
    assert isinstance(read, spec.Basic.Deliver)
    assert read.routing_key == "key"


def test_the_user_is_the_one_whom_the_broker_checked() -> None:
    """With the last flag set, pamqp would take these values from two bytes later, where another user id stands."""
    tolerate_odd_values()
    forged = short(b"@" + short(b"text/plain") + short(b"psa")) + short(b"crm")
    properties = RawProperties(CONTENT_TYPE | USER_ID | 1, forged)
    header = pamqp.frame.unmarshal(pamqp.frame.marshal(ContentHeader(properties=properties), 1))[2]
    assert isinstance(header, ContentHeader)
    assert header.properties.user_id == "crm"
    assert header.properties.content_type == "@\n" + "text/plain" + "\x03psa"
