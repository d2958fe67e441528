"""Which entries of a system's books are ours."""

from __future__ import annotations

import pytest

from schemas.commands import command_reference
from schemas.keys import ActorKey
from schemas.standing import key_of, line_of, name_of

KEY = ActorKey("timesheet", "T/1 ü")


def test_an_entry_is_known_by_our_reference_whatever_its_generation() -> None:
    names = {name_of(command_reference(KEY, "l/1.r1", generation)) for generation in (1, 2, 10)}
    [name] = names
    assert name is not None
    assert (key_of(name), line_of(name)) == (KEY, "l/1.r1")


@pytest.mark.parametrize(
    "reference",
    [
        None,
        "",
        "4711",
        "timesheet/T-1/l1",
        "timesheet/T-1/l1/x",
        "timesheet//l1/1",
        "deal/D-1/l1/1",
        "timesheet/Tü/l1/1",
        "timesheet/T%00/l1/1",
        "timesheet/T-1/l%0A1/1",
        f"timesheet/{'x' * 2000}/l1/1",
    ],
)
def test_what_we_never_write_is_no_reference_of_ours(reference: str | None) -> None:
    assert name_of(reference) is None
