"""The command `tallystick demo`, as far as it needs no servers."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.demo.telling.play import make_play
from gateway.demo.telling.sending import Sender
from gateway.demo.writing import files_of
from schemas.codec import STRUCTURED, decode


def test_the_firm_can_be_written_for_publishing(tmp_path: Path) -> None:
    folder = tmp_path / "firm"
    done = CliRunner().invoke(main, ["demo", "--write", str(folder), "--events-scale", "0.1"])
    assert done.exit_code == 0, done.output
    names = {*(f"{sender}.jsonl" for sender in Sender), "policy.yaml", "books.json"}
    assert {Path(line).name for line in done.output.splitlines()} == {path.name for path in folder.iterdir()} == names
    for sender in Sender:
        lines = (folder / f"{sender}.jsonl").read_bytes().splitlines()
        envelopes = [decode(line, STRUCTURED, {}) for line in lines]
        assert {envelope.source for envelope in envelopes} == {sender.source}
        assert len({envelope.id for envelope in envelopes}) == len(lines) > 0


def test_what_is_written_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, other = [files_of(make_play(3, 0.1)) for _ in range(2)]
    assert one == other
    assert files_of(make_play(4, 0.1)) != one


def test_each_source_tells_in_the_order_of_its_own_clock_and_numbers() -> None:
    numbers: dict[str, int] = {}
    before = ""
    for line in files_of(make_play(3, 0.1))["psa.jsonl"].splitlines():
        event = orjson.loads(line)
        assert event["time"] >= before
        before = event["time"]
        assert int(event["sequence"]) == numbers.get(event["subject"], 0) + 1
        numbers[event["subject"]] = int(event["sequence"])


def test_a_broker_url_that_is_none_is_a_plain_message(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    done = CliRunner().invoke(main, ["demo", "--once"], env={"TALLYSTICK_AMQP_URL_FILE": str(path)})
    assert done.exit_code == 2
    assert "TALLYSTICK_AMQP_URL_FILE" in done.output


def test_the_excerpt_is_of_the_firm() -> None:
    excerpt = (Path(__file__).parents[3] / "examples" / "firm" / "excerpt.jsonl").read_bytes().splitlines()
    told = {line for content in files_of(make_play(1)).values() for line in content.splitlines()}
    assert len(excerpt) > 10
    assert set(excerpt) <= told
