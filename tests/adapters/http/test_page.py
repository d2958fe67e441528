"""The page on systems of kind http shows what is sent, and what the answers shown are taken for."""

from __future__ import annotations

import re
from typing import Final

import pytest
from aiohttp import web

from actors.policy import ROLES
from adapters.http.classify import CLASS_BY_CODE, KEY_REUSED, REFUSED_COLLISIONS, THROTTLED
from adapters.ports.system import Absent
from schemas.commands import Command, Confirmed, Rejected, command_id, command_reference
from schemas.keys import ActorKey
from schemas.operations.table import read_body
from schemas.verdicts import Failure, FailureClass
from tests.adapters.http.conftest import TOKEN, Asking, Serving
from tests.house.files import ROOT

PAGE: Final = (ROOT / "docs" / "systems" / "http.md").read_text(encoding="utf-8")
SHEET: Final = ActorKey("timesheet", "TS-2026-44-1042")
OF_HTTP: Final = frozenset({"host", "user-agent", "accept-encoding", "content-length"})
REFUSED: Final = Rejected(Failure(FailureClass.BUSINESS_RULE, "closed_period", "October is closed.", "work_date"))


def exchanges() -> list[tuple[str, str]]:
    """Each answer that the page shows, with the request before it."""
    asked, found = "", []
    for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL):
        request, answer = re.split(r"^(?=HTTP/1\.1 )", block, flags=re.MULTILINE)
        asked = request or asked
        found.append((asked, answer))
    return found


def read(message: str) -> tuple[str, dict[str, str], str]:
    """First line, headers, and body."""
    head, _, body = message.partition("\n\n")
    first, *headers = head.splitlines()
    return first, dict(header.split(": ", 1) for header in headers), body.strip()


@pytest.mark.parametrize(
    ("exchange", "outcome"),
    list(zip(exchanges(), [Confirmed("B-1"), REFUSED, Confirmed("B-1"), Absent()], strict=True)),
)
async def test_an_exchange_goes_as_it_is_shown(
    exchange: tuple[str, str], outcome: Confirmed | Rejected | Absent, serving: Serving, asking: Asking
) -> None:
    request, headers, body = read(exchange[0].replace("the-token-of-the-file", TOKEN))
    status, its_headers, content = read(exchange[1])
    seen: list[tuple[str, dict[str, str], str]] = []

    async def answer(asked: web.Request) -> web.Response:
        sent = {name: value for name, value in asked.headers.items() if name.lower() not in OF_HTTP}
        seen.append((f"{asked.method} {asked.raw_path} HTTP/1.1", sent, await asked.text()))
        return web.Response(status=int(status.split()[1]), headers=its_headers, body=content.encode())

    system = asking(await serving(answer) + "/api")
    command = Command(
        command_id("erp", "billable.post", SHEET, "1.r1", 1), "erp", "billable.post", SHEET, "1.r1", 1, body.encode(),
        command_reference(SHEET, "1.r1", 1),
    )  # fmt: skip
    found = await (system.send(command) if body else system.look_up(command))
    assert found == outcome
    assert seen == [(request, headers, body)]


def test_the_body_is_one_of_its_operation() -> None:
    _, _, body = read(exchanges()[0][0])
    read_body("billable.post", body.encode())


def test_it_names_every_code_that_means_something() -> None:
    codes = {KEY_REUSED, *THROTTLED, *REFUSED_COLLISIONS, *CLASS_BY_CODE, "in_progress", "reference_exists"}
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


def test_it_names_the_operations_of_each_role() -> None:
    rows = re.findall(r"^\| (\w+)(?: system)? \| (`\w+\..*)\|$", PAGE, re.MULTILINE)
    shown = {operation: role.lower() for role, operations in rows for operation in re.findall(r"`([^`]+)`", operations)}
    assert shown == {operation: roles[0] for operation, roles in ROLES.items()}
