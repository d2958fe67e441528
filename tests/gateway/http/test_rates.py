"""How often one caller may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.http.rates import MOST_KEPT, Rates
from tests.gateway.http.stand import listening


class Clock:
    """Goes on when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_one_after_the_other() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    assert [rates.wait("ann") for _ in range(20)] == [0.0] * 20
    assert rates.wait("ann") == pytest.approx(0.1)
    assert rates.wait("ann") == pytest.approx(0.1), "what is refused costs nothing"
    assert rates.wait("bob") == 0.0, "nobody pays for another"
    clock.now += 0.1
    assert [rates.wait("ann") > 0 for _ in range(2)] == [False, True]
    clock.now += 3600
    assert sum(rates.wait("ann") == 0.0 for _ in range(100)) == 20, "more than the burst is not saved up"


def test_less_than_one_a_second() -> None:
    clock = Clock()
    rates = Rates(0.1, clock)
    assert rates.wait("ann") == 0.0
    assert rates.wait("ann") == pytest.approx(10)
    clock.now += 10
    assert rates.wait("ann") == 0.0


def test_memory_is_bounded() -> None:
    rates = Rates(10, Clock())
    for number in range(MOST_KEPT + 50):
        rates.wait(f"caller {number}")
    assert len(rates._used_up) == MOST_KEPT
    assert "caller 49" not in rates._used_up


async def test_too_many_requests_are_told_when_to_come_again(token_file: Path) -> None:
    async with listening("postgresql://127.0.0.1:1/none", token_file, rate=0.05) as stand:
        assert (await stand.get("/v1/none")).status == 404
        page = await stand.get("/v1/systems/erp")
        assert (page.status, page.json["type"], page.headers["Retry-After"]) == (429, "/problems/rate-limited", "20")
        assert "0.05 times a second" in page.detail
        assert (await stand.api("GET", "/v1/none", Authorization="Bearer wrong")).status == 401
        assert (await stand.ops("/livez")).status == 200
        assert (await stand.api("GET", "/openapi.json")).status == 200
