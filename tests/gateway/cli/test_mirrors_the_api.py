"""Whatever the API answers there is a command for: each route is asked by one, of a listener that writes it down."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.http.description.declared import declared
from gateway.http.description.openapi import template
from tests.gateway.cli.test_every_command import ASKS, REF, WHY

NOT_ASKED: Final = {
    ("GET", "/v1/cases.csv"): "`case list -o csv` makes the same of the list",
    ("GET", "/v1/restore"): "`restore` works on the database: no gateway may run yet",
    ("POST", "/v1/restore"): "as above",
    ("POST", "/v1/restore/release"): "as above",
    ("POST", "/v1/restore/end"): "as above",
}
"""Routes that no command asks, and why."""
LOOKS: Final = (
    ("status",), ("me",), ("message", "list"), ("message", "show", REF), ("message", "payload", REF, *WHY),
    ("message", "undiscard", REF, *WHY), ("lane", "list"), ("lane", "show", "timesheet", "T"), ("pause", "list"),
    ("entity", "show", "timesheet", "T"), ("system", "show"), ("system", "show", "erp"),
    ("system", "test", "erp", "--by-gateway"), ("case", "list"), ("case", "show", "3"), ("case", "note", "3", "seen"),
    ("dead-letter", "list"), ("dead-letter", "show", "00"), ("dead-letter", "payload", "00", *WHY),
    ("dead-letter", "retry", "--code", "x", *WHY), ("mapping", "list"), ("binding", "list"),
    ("binding", "import", "{rows}", *WHY), ("recon", "list"), ("recon", "show", "3"), ("recon", "compare", "3", "2"),
    ("recon", "plan", "3", *WHY), ("replay", "list"), ("replay", "list", "--plans"), ("replay", "show", "3"),
    ("replay", "items", "3"), ("replay", "watch", "3"), ("kpi", "list"), ("audit", "list"), ("audit", "head"),
    ("audit", "verify"), ("event", "uses"), ("event", "validate", "--decide", "{event}"), ("apikey", "list"),
)  # fmt: skip
"""Commands beside those that ask for a change outright."""
ANSWER: Final = (
    b'{"items": [], "next": null, "entity": "timesheet", "key": "T", "phase": "ready", "kept": 0, "conflicts": [],'
    b' "left": [], "new": [], "head": null}'
)
"""Enough for a command to go on to what it asks next; what it prints of it does not matter here."""


@dataclass(slots=True)
class Listener:
    """An API that takes everything, and keeps what it was asked."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def listener() -> Iterator[Listener]:
    """A listener on loopback, for as long as the block runs."""
    found = Listener("")

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.asked.append((self.command, self.path.partition("?")[0]))
            self.send_response(200)
            for name, value in (("Content-Type", "application/json"), ("ETag", '"1"'), ("Content-Length", len(ANSWER))):
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(ANSWER)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # names of the base class

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), name="listener")
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def asked(tmp_path: Path) -> set[tuple[str, str]]:
    """The routes that commands ask."""
    token, rows, event = tmp_path / "token", tmp_path / "rows.csv", tmp_path / "event.jsonl"
    token.write_text("a-token")
    rows.write_text("entity,key,system,external_id\nproject,P-1,erp,7\n")
    runner = CliRunner(env={name: None for name in os.environ if name.startswith("TALLYSTICK_")})
    event.write_text(runner.invoke(main, ["event", "example", "timesheet.approved.v1"]).stdout.replace("\n", ""))
    given = {"{rows}": str(rows), "{event}": str(event)}
    with listener() as found:
        env = {"TALLYSTICK_URL": found.url, "TALLYSTICK_TOKEN_FILE": str(token)}
        for command in (*LOOKS, *((*name.split(), *arguments) for name, (arguments, _) in ASKS.items())):
            before = len(found.asked)
            runner.invoke(main, [given.get(each, each) for each in command], env=env)
            assert len(found.asked) > before, command
    return {route for method, path in found.asked for route in routes_of(method, path)}


def routes_of(method: str, path: str) -> list[tuple[str, str]]:
    """The first route that fits, as the router chooses."""
    for route in declared():
        name = template(route.path)
        if route.method == method and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(name)), path):
            return [(method, name)]
    raise AssertionError(f"no route answers {method} {path}")


def test_each_route_is_asked_by_a_command_or_says_why_not(asked: set[tuple[str, str]]) -> None:
    routes = {(route.method, template(route.path)) for route in declared()}
    assert routes - asked == NOT_ASKED.keys()
    assert asked <= routes
