"""The command `tallystick demo`, as far as it needs no servers."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from gateway.cli.main import main
from schemas.codec import STRUCTURED, decode


def test_the_days_events_can_be_saved_for_publishing(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    done = CliRunner().invoke(main, ["demo", "--events", str(path), "--events-scale", "0.1"])
    assert done.exit_code == 0, done.output
    lines = path.read_bytes().splitlines()
    assert f"{len(lines)} events" in done.output
    envelopes = [decode(line, STRUCTURED, {}) for line in lines]
    assert len({(envelope.source, envelope.id) for envelope in envelopes}) == len(lines) > 100


def test_a_broker_url_that_is_none_is_a_plain_message(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    done = CliRunner().invoke(main, ["demo", "--once"], env={"TALLYSTICK_AMQP_URL_FILE": str(path)})
    assert done.exit_code == 2
    assert "TALLYSTICK_AMQP_URL_FILE" in done.output
