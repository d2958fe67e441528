"""The small parts: delays that grow, ids that sort by time, settings with secrets in files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random

import pytest

from gateway.backoff import Backoff
from gateway.ids import time_ordered_id
from gateway.settings import SettingsInvalid, read_settings
from tests.gateway.toy import Naps

GIVEN = {
    "TALLYSTICK_DATABASE_URL": "postgresql://tally:secret@db/tally",
    "TALLYSTICK_AMQP_URL": "amqp://tally:secret@mq/",
    "TALLYSTICK_POLICY": "policy.yaml",
}


def test_delays_double_up_to_the_longest_and_are_jittered() -> None:
    naps = Naps()
    backoff = Backoff(shortest=1, longest=8, sleep=naps, chance=Random(1))

    async def story() -> None:
        for _ in range(6):
            await backoff.wait()
        backoff.reset()
        await backoff.wait()

    asyncio.run(story())
    for asked, delay in zip(naps.asked, [1, 2, 4, 8, 8, 8, 1], strict=True):
        assert delay / 2 <= asked <= delay
    assert len(set(naps.asked)) == 7


def test_two_processes_do_not_march_in_step() -> None:
    first, second = Naps(), Naps()
    asyncio.run(Backoff(sleep=first).wait())
    asyncio.run(Backoff(sleep=second).wait())
    assert first.asked != second.asked


def test_ids_are_of_version_7_and_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [time_ordered_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert ids == sorted(set(ids)), "those of a process sort in the order of their making"
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}
    times = [id.int >> 80 for id in ids]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= after


def test_the_environment_is_enough() -> None:
    settings = read_settings(GIVEN)
    assert (settings.api_bind, settings.ops_bind, settings.prefetch) == ("127.0.0.1:8080", "127.0.0.1:9090", 1000)
    assert settings.api_token_file is None


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://from-a-file/\n")
    environment = {name: value for name, value in GIVEN.items() if name != "TALLYSTICK_DATABASE_URL"}
    settings = read_settings(environment | {"TALLYSTICK_DATABASE_URL_FILE": str(secret)})
    assert settings.database_url == "postgresql://from-a-file/"


def test_what_is_given_outright_wins_over_the_file(tmp_path: Path) -> None:
    assert read_settings(GIVEN | {"TALLYSTICK_AMQP_URL_FILE": str(tmp_path / "none")}).amqp_url.startswith(
        "amqp://tally"
    )


def test_the_token_is_always_a_file_and_is_not_read_here(tmp_path: Path) -> None:
    settings = read_settings(GIVEN | {"TALLYSTICK_API_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.api_token_file == tmp_path / "token"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"TALLYSTICK_AMQP_URL_FILE: .*none: No such file"):
        read_settings({"TALLYSTICK_AMQP_URL_FILE": str(tmp_path / "none")})
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsInvalid, match="TALLYSTICK_AMQP_URL_FILE"):
        read_settings({"TALLYSTICK_AMQP_URL_FILE": str(binary)})


def test_every_wrong_variable_is_named_and_no_secret_is_shown() -> None:
    environment = GIVEN | {"TALLYSTICK_PREFETCH": "0", "TALLYSTICK_API_BIND": "8080", "TALLYSTICK_GRACE_SECONDS": "-1"}
    del environment["TALLYSTICK_POLICY"]
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(environment)
    lines = str(caught.value).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == [
        "TALLYSTICK_API_BIND", "TALLYSTICK_GRACE_SECONDS", "TALLYSTICK_POLICY", "TALLYSTICK_PREFETCH",
    ]  # fmt: skip
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(read_settings(GIVEN))
