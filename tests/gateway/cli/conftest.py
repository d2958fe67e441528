"""Commands run in this process or in one of their own, with nothing of the environment's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import orjson
import pytest
import yaml
from click.testing import CliRunner, Result

from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from gateway.cli.main import main
from tests.fixtures.apart import apart

ROOT: Final = Path(__file__).resolve().parents[3]
EXAMPLES: Final = ROOT / "examples"
TOKEN: Final = "sandbox"
NOBODY: Final = "127.0.0.1:1"
"""Nothing listens there."""


def cli(*arguments: str, env: Mapping[str, str] | None = None, stdin: bytes | None = None) -> Result:
    """What the command prints, and its exit code. An error that is not known is raised."""
    unset = {name: None for name in os.environ if name.startswith("TALLYSTICK_")}
    runner = CliRunner(env={**unset, "COLUMNS": "200", **(env or {})})
    return runner.invoke(main, arguments, input=stdin, catch_exceptions=False)


def program(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """The command as a process of its own; whoever starts it ends it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts its background jobs, and whatever they start ignores Ctrl-C too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from gateway.cli.main import main; main()", *arguments],
        cwd=ROOT,
        env={**inherited, **(env or {})},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 30.0) -> tuple[int, str, str]:
    """Exit code and output, once it has ended by itself."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


def ask(url: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Status and content, decoded if it is JSON, of a GET, or of a POST if there is a body."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        raw = None if body is None else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if raw is None else "POST", parts.path, raw, named)
        answer = connection.getresponse()
        content = answer.read()
        is_json = answer.getheader("Content-Type", "").partition(";")[0].endswith("json")
        return answer.status, orjson.loads(content) if is_json else content
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class SetUp:
    """A policy file for sandbox systems that run, and the settings that name it."""

    policy: Path
    env: dict[str, str]

    def change(self, system: str, **fields: Any) -> None:
        """Change a system's entry in the policy file."""
        document = yaml.safe_load(self.policy.read_text())
        document["systems"][system].update(fields)
        self.policy.write_text(yaml.safe_dump(document, sort_keys=False))


@pytest.fixture
async def set_up(tmp_path: Path, database_url: str, amqp_url: str) -> AsyncIterator[SetUp]:
    """Everything is up, the broker is empty. Call `cli` in a thread: the systems run in the test's own loop."""
    async with serve_sandboxes([SandboxSettings(role, TOKEN) for role in Role]) as urls:
        document = yaml.safe_load((EXAMPLES / "policy.yaml").read_text())
        for name, url in urls.items():
            document["systems"][name]["url"] = url
        policy = tmp_path / "policy.yaml"
        policy.write_text(yaml.safe_dump(document, sort_keys=False))
        yield SetUp(
            policy,
            {
                "TALLYSTICK_DATABASE_URL": database_url,
                "TALLYSTICK_AMQP_URL": amqp_url,
                "TALLYSTICK_POLICY": str(policy),
            },
        )


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)


@pytest.fixture
def fresh_url(database_url: str, template_database: str) -> Iterator[str]:
    """Another fresh database."""
    name = f"{template_database}_{uuid4().hex[:8]}"
    apart(_execute(database_url, f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"'))
    yield urlsplit(database_url)._replace(path=f"/{name}").geturl()
    apart(_execute(database_url, f'DROP DATABASE "{name}" WITH (FORCE)'))
