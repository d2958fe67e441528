"""What an AMQP URL must look like, and that its password never shows."""

from __future__ import annotations

import pytest

from adapters.rabbitmq.address import parse_address


def test_defaults_are_filled_in_and_what_is_given_stays() -> None:
    assert parse_address("amqp://crm:pw@broker/firm").url == "amqp://crm:pw@broker/firm?heartbeat=5"
    assert parse_address("amqp://broker/?heartbeat=3").url == "amqp://broker/?heartbeat=3"


def test_the_user_is_who_the_broker_takes_us_for() -> None:
    assert parse_address("amqp://c%40rm:pw@broker/").user == "c@rm"
    assert parse_address("amqp://broker").user == "guest"


def test_the_password_never_shows() -> None:
    address = parse_address("amqps://crm:c4nary@broker:5671/firm?cadata=c4nary")
    assert str(address) == "amqps://broker:5671/firm"
    assert "c4nary" not in repr(address)


@pytest.mark.parametrize("url", ["http://crm:c4nary@broker/", "amqp:///firm", "broker:5672", ""])
def test_what_is_no_amqp_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="must look like") as caught:
        parse_address(url)
    assert "c4nary" not in str(caught.value)


def test_tls_is_verified_but_on_loopback() -> None:
    with pytest.raises(ValueError, match="no_verify_ssl"):
        parse_address("amqps://broker/?no_verify_ssl=1")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert "no_verify_ssl=1" in parse_address(f"amqps://{host}/?no_verify_ssl=1").url
