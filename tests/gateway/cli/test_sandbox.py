"""`tallystick sandbox` as a process of its own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.exits import Exit
from tests.gateway.cli.conftest import EXAMPLES, ask, ended, program

FREE = ("--crm-port", "0", "--psa-port", "0", "--erp-port", "0")


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The process and its URLs."""
    process = program("sandbox", *FREE, *arguments)
    try:
        assert process.stdout is not None
        yield process, dict(process.stdout.readline().split() for _ in range(3))
    finally:
        process.kill()
        process.communicate(timeout=10)


def put_customer(erp: str, legal_entity: str, token: str) -> int:
    """The status that comes back."""
    body = {"customer_id": "A1", "legal_entity": legal_entity}
    headers = {"Authorization": f"Bearer {token}", "Idempotency_Key": '"k"', "Tallystick_Reference": "customer/A1/_/1"}
    return ask(f"{erp}/customers", body, **headers)[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_three_systems_are_told_and_end_by_a_signal(number: signal.Signals) -> None:
    with running() as (process, urls):
        assert set(urls) == {"crm", "psa", "erp"}
        for name, url in urls.items():
            assert ask(f"{url}/health")[1]["system"] == name
        process.send_signal(number)
        assert process.wait(timeout=10) == 0


def test_the_options_reach_the_systems(tmp_path: Path) -> None:
    options = ("--policy", str(EXAMPLES / "policy.yaml"), "--token", "other", "--journal-dir", str(tmp_path / "kept"))
    with running(*options, "--closed-until", "2026-01-01") as (_, urls):
        assert put_customer(urls["erp"], "DE01", "sandbox") == 401
        assert put_customer(urls["erp"], "FR01", "other") == 422
        assert put_customer(urls["erp"], "DE01", "other") == 201
    # The journal is kept over a restart
    with running(*options) as (_, urls):
        assert [row["operation"] for row in ask(f"{urls['erp']}/journal")[1]] == ["customer.put"]


def test_a_port_that_is_taken_is_told() -> None:
    with running() as (_, urls):
        port = urls["erp"].rpartition(":")[2]
        code, _, err = ended(program("sandbox", "--crm-port", port, "--psa-port", "0", "--erp-port", "0"))
    assert code == Exit.FAILED
    assert "choose other ports" in err
    assert "Traceback" not in err
