"""Files of bindings: read with every mistake at its line, and written so that they can be read."""

from __future__ import annotations

from collections.abc import Sized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bindings.rows import MOST, Form, Row, RowsInvalid, read_rows, write_csv, write_json_lines

HEADER = "entity,key,system,kind,external_id,legal_entity\n"


def mistakes(content: bytes | str, form: Form = Form.CSV) -> tuple[str, ...]:
    with pytest.raises(RowsInvalid) as caught:
        read_rows(content if isinstance(content, bytes) else content.encode(), form)
    return caught.value.mistakes


def test_csv_is_read() -> None:
    content = f'\ufeff{HEADER}customer,C-1,erp,,9001,US01\n\nproject,"P,1",psa,project,"a""b",\n'
    found = read_rows(content.encode(), Form.CSV)
    assert [(each.line, each.row) for each in found] == [
        (2, Row(entity="customer", key="C-1", system="erp", external_id="9001", legal_entity="US01")),
        (4, Row(entity="project", key="P,1", system="psa", kind="project", external_id='a"b')),
    ]


def test_columns_stand_in_any_order_and_may_be_left_out_and_semicolons_do() -> None:
    found = read_rows(b"external_id;system;key;entity\n9001;erp;C-1;customer\r\n", Form.CSV)
    assert [each.row for each in found] == [Row(entity="customer", key="C-1", system="erp", external_id="9001")]


def test_json_lines_are_read() -> None:
    content = b'{"entity": "customer", "key": "C-1", "system": "erp", "external_id": "9001"}\n\n'
    assert [each.row for each in read_rows(content, Form.JSONL)] == [
        Row(entity="customer", key="C-1", system="erp", external_id="9001")
    ]


@pytest.mark.parametrize(
    ("content", "form", "told"),
    [
        ("", Form.CSV, ["line 1: there is no row in it"]),
        (HEADER, Form.CSV, ["line 1: there is no row in it"]),
        ("entity,key,sistem\n", Form.CSV, ["line 1: there is no column sistem"]),
        ("entity,key,key\n", Form.CSV, ["line 1: a column stands in it twice"]),
        (f"{HEADER}customer,C-1\n", Form.CSV, ["line 2: it has 2 fields, and the first 6"]),
        (f'{HEADER}customer,"C-1,erp\n', Form.CSV, ["line 2: it is not CSV"]),
        (f"{HEADER}customer,,erp,,1,\ncustomer,C-2,ERP!,,1,\n", Form.CSV,
         ["line 2: key: is missing", "line 3: system: name the system"]),
        (b"entity\n\xff\n", Form.CSV, ["line 2: it is not UTF-8"]),
        ('{"entity": 7}\n', Form.JSONL, ["line 1: "]),
        ('\n{"key": \n', Form.JSONL, ["line 2: the body is not valid JSON"]),
        ("[]\n", Form.JSONL, ["line 1: "]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_line(content: bytes | str, form: Form, told: list[str]) -> None:
    found = mistakes(content, form)
    assert len(found) == len(told)
    for mistake, beginning in zip(found, told, strict=True):
        assert mistake.startswith(beginning)


def test_a_file_is_bounded() -> None:
    row = "customer,C-1,erp,,1,\n"
    assert len(read_rows((HEADER + row * MOST).encode(), Form.CSV)) == MOST
    assert "import the rest from another" in mistakes(HEADER + row * (MOST + 1))[0]


IDS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=40)
ROWS = st.builds(
    Row, entity=IDS, key=IDS, system=st.just("erp"), kind=st.none() | IDS, external_id=IDS, legal_entity=st.none() | IDS
)


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_what_is_written_is_read_again(rows: list[Row]) -> None:
    assert [each.row for each in read_rows(write_csv(rows, header=True).encode(), Form.CSV)] == rows
    assert [each.row for each in read_rows(write_json_lines(rows).encode(), Form.JSONL)] == rows


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(Form))
def test_any_bytes_are_rows_or_refused(content: bytes, form: Form) -> None:
    try:
        found: Sized = read_rows(content, form)
    except RowsInvalid as error:
        found = error.mistakes
    assert len(found) > 0
