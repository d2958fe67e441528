"""What is asked of a run; a wrong argument ends with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import options
from bench.sizes import Sizes
from bench.targets import Kind


def test_without_arguments_it_is_the_full_ordinary_run() -> None:
    asked = options.read([])
    assert (asked.kind, list(asked.parts), asked.sizes, asked.is_full) == (
        Kind.ORDINARY,
        ["throughput", "hot", "poison", "critical"],
        Sizes(),
        True,
    )


def test_a_quick_run_takes_fewer_messages_and_is_not_full() -> None:
    asked = options.read([], is_quick=True)
    assert (asked.sizes.messages, asked.sizes.rounds, asked.is_full) == (10_000, 1, False)


def test_the_large_run_has_parts_of_its_own() -> None:
    assert list(options.read(["--large"]).parts) == ["relay", "lines", "restart", "memory", "retention", "big"]


def test_a_part_at_a_scale_with_settings_into_a_folder(tmp_path: Path) -> None:
    given = ["--large", "--only", "big", "--scale", "0.001", "--postgres", "shared_buffers=1GB"]
    asked = options.read([*given, "--rounds", "2", "--results", str(tmp_path)])
    assert (list(asked.parts), asked.postgres, asked.folder) == (["big"], {"shared_buffers": "1GB"}, tmp_path)
    assert (asked.sizes.big_rows, asked.sizes.rounds, asked.is_full) == (10_000, 2, False)


@pytest.mark.parametrize("left_out", [["--only", "hot"], ["--postgres", "fsync=off"], ["--rounds", "1"]])
def test_what_is_not_all_is_not_full(left_out: list[str]) -> None:
    assert not options.read(left_out).is_full


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scale", "2"], "argument --scale: '2': write a number above 0 and at most 1, such as 0.01"),
        (["--scale", "nan"], "argument --scale: 'nan': write a number above 0"),
        (["--scale", "much"], "argument --scale: 'much': write a number above 0"),
        (["--rounds", "0"], "argument --rounds: '0': write a whole number from 1 to 100"),
        (["--postgres", "fsync"], "argument --postgres: 'fsync': write NAME=VALUE, such as shared_buffers=1GB"),
        (["--only", "speed"], "there is no part 'speed' here; choose from throughput, hot, poison, critical"),
        (["--only", "big"], "there is no part 'big' here (with --large); choose from"),
        (["--large", "--only", "hot"], "there is no part 'hot' here (without --large); choose from relay"),
        (["--poison"], "unrecognized arguments: --poison"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.read(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
