"""Which fields of a state differ."""

from __future__ import annotations

from adapters.ports.replays import Change
from gateway.replay.changes import MOST, WIDTH, changes
from schemas.personal import MASK


def test_fields_that_differ_are_named_by_their_path() -> None:
    before = {"status": "open", "lines": [{"hours": "1.00"}, {"hours": "2.00"}], "gone": 1, "same": {"a": None}}
    after = {"status": "closed", "lines": [{"hours": "1.50"}], "same": {"a": None}, "new": [True]}
    assert changes("timesheet", before, after) == (
        Change("status", '"open"', '"closed"'),
        Change("lines[0].hours", '"1.00"', '"1.50"'),
        Change("lines[1]", '{"hours":"2.00"}', None),
        Change("gone", "1", None),
        Change("new", None, "[true]"),
    )


def test_equal_states_have_no_changes() -> None:
    assert changes("timesheet", {"a": [1]}, {"a": [1]}) == ()


def test_many_and_long_changes_are_cut() -> None:
    found = changes("timesheet", {}, {f"{number:03}": "x" * 1000 for number in range(MOST + 5)})
    assert len(found) == MOST
    assert {len(each.after or "") for each in found} == {WIDTH + 1}


def test_what_is_about_people_is_told_to_differ_and_no_more() -> None:
    before = {"employee": {"id": "E-1", "name": "Ann Fox"}, "lines": [{"note": "ill", "hours": "1"}, {"note": "late"}]}
    after = {"employee": {"id": "E-1", "name": "Ann Fuchs"}, "lines": [{"hours": "1"}], "approver": {"name": "Bob Ray"}}
    assert changes("timesheet", before, after) == (
        Change("employee.name", f'"{MASK}"', f'"{MASK}"'),
        Change("lines[0].note", f'"{MASK}"', None),
        Change("lines[1]", f'{{"note":"{MASK}"}}', None),
        Change("approver", None, f'{{"name":"{MASK}"}}'),
    )
    assert changes("employee", {"name": "Ann", "email": None}, {"name": "Bob", "email": "b@x.example"}) == (
        Change("name", f'"{MASK}"', f'"{MASK}"'), Change("email", "null", f'"{MASK}"'),
    )  # fmt: skip
    assert changes("customer", {"name": "Globex"}, {"name": "Globex AG"}) == (
        Change("name", '"Globex"', '"Globex AG"'),
    )  # fmt: skip
