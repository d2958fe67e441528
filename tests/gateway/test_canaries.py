"""Canaries in what comes in: neither a refusal nor a log line repeats what a message says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

import asyncpg
import orjson
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from adapters.ports.turns import StoreUnavailable
from adapters.postgres.errors import read_error
from gateway.door import Door
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.source_policy import Source
from gateway.told_errors import told_error
from gateway.watch import Watch
from schemas.registry import EVENTS
from schemas.verdicts import Failure
from tests.gateway.deliveries import USER, parcel
from tests.house.files import ROOT
from tests.schemas.messages import example

CANARY: Final = "canary.robin@example.com"
WRONG: Final = (f"{CANARY}\x01", [CANARY], {"x": CANARY}, -0.5, None)
"""What nearly every field refuses."""


def spoilt(part: Any, wrong: object) -> Iterator[Any]:  # JSON
    """Copies of `part`, each with another of its leaves replaced."""
    match part:
        case dict():
            for name in part:
                yield from ({**part, name: each} for each in spoilt(part[name], wrong))
        case list():
            for place in range(len(part)):
                yield from ([*part[:place], each, *part[place + 1 :]] for each in spoilt(part[place], wrong))
        case _:
            yield deepcopy(wrong)


@pytest.mark.parametrize("type", EVENTS.offered_types)
def test_a_refusal_never_repeats_what_an_event_says(type: str) -> None:
    event = example(type)
    door = Door(lambda: {event["source"]: Source(users=(USER,), types=("*.*",))}, time_ordered_id)
    watch = Watch(Counts("1"))
    refused = 0
    with capture_logs() as logs:
        for wrong in WRONG:
            for data in [*spoilt(event["data"], wrong), {**event["data"], "more": wrong}]:
                delivery = parcel(**(event | {"data": data}))
                came = door.try_admit(delivery)
                if isinstance(came, Failure):
                    refused += 1
                    watch.delivered(delivery, came)
                    assert CANARY not in f"{came.reason} {came.field} {came.code}"
    assert refused > len(WRONG)
    assert CANARY not in str(logs)


class _OfOurs(RuntimeError):
    """Defined in a test, so not ours."""


def caught(error: BaseException, cause: BaseException | None = None) -> str:
    """What the log tells of it."""
    try:
        raise error from cause
    except BaseException as found:  # noqa: BLE001  # whatever it is
        return told_error((type(found), found, found.__traceback__))


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as found:
        EVENTS.find("timesheet.approved.v1").model.model_validate({"employee": CANARY})
    assert CANARY in str(found.value), "pydantic shows the input"
    return found.value


@pytest.mark.parametrize(
    "error",
    [ValueError(CANARY), KeyError(CANARY), _OfOurs(CANARY), UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, "x"),
     asyncpg.DataError(f"invalid input for query argument $1: {CANARY!r}"), orjson.JSONDecodeError(CANARY, CANARY, 0)],
)  # fmt: skip
def test_the_log_tells_where_an_error_came_from_and_nothing_of_its_words(error: Exception) -> None:
    for told in (caught(error), caught(RuntimeError("it failed"), error), caught(ExceptionGroup("some", [error]))):
        assert CANARY not in told
        assert type(error).__name__ in told
        assert f'File "{__file__}"' in told
    assert CANARY not in caught(invalid())


def test_what_our_own_errors_say_is_told_and_what_names_types_alone() -> None:
    told = caught(StoreUnavailable("PostgreSQL: the connection is closed"), TypeError("a number is needed"))
    assert told.index("TypeError: a number is needed") < told.index("which led to")
    assert told.endswith("adapters.ports.turns.StoreUnavailable: PostgreSQL: the connection is closed")


FAILS: Final = """
from gateway import telemetry
from tests.gateway.test_canaries import invalid

telemetry.configure("info")
telemetry.request_failed("POST", "/v1/lanes", invalid())
"""


def test_a_log_line_of_a_failed_request_has_no_words_of_it() -> None:
    # In a process of its own: where the log goes is settled once for a process.
    line = subprocess.run([sys.executable, "-c", FAILS], cwd=ROOT, capture_output=True, check=True, text=True).stderr
    assert (CANARY in line, "ValidationError" in line, orjson.loads(line)["event"]) == (False, True, "request_failed")


def test_data_that_the_database_refuses_is_not_repeated() -> None:
    error = asyncpg.NotNullViolationError(f"null value; {CANARY}")
    error.detail = f"Failing row contains ({CANARY})."
    error.table_name, error.column_name = "inbox", "key"
    told = str(read_error(error))
    assert (CANARY in told, "NotNullViolationError inbox key" in told) == (False, True)
