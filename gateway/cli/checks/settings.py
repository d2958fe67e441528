"""Whether the settings can be used, and what of them is known when some cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import click

from adapters.rabbitmq.address import is_loopback
from gateway.cli.checks.finding import Finding, Level
from gateway.cli.options import (
    AMQP_URL,
    DATABASE_URL,
    MANAGEMENT_URL,
    POLICY,
    check_amqp_url,
    check_database_url,
    from_environment,
)
from gateway.settings import Settings, SettingsInvalid, read_settings
from gateway.telemetry import LEVELS

_TLS: Final = frozenset({"require", "verify-ca", "verify-full"})

FEW: Final = 100
"""Messages; with fewer in hand, a commit has hardly anything to group."""


@dataclass(frozen=True, slots=True)
class Known:
    """What can be looked at; None where it is not set or is unusable."""

    settings: Settings | None
    database_url: str | None
    amqp_url: str | None
    management_url: str | None
    policy: Path | None


def mistakes(settings: Settings) -> list[str]:
    """What is wrong with settings that are complete: one line for each variable."""
    found = [
        wrong
        for variable, url, check in (
            (DATABASE_URL, settings.database_url, check_database_url),
            (AMQP_URL, settings.amqp_url, check_amqp_url),
        )
        if (wrong := _mistake(variable, url, check))
    ]
    if not found and not settings.allow_plain_text:
        found += _plain_text(settings)
    if settings.management_url is not None and (wrong := _management(settings)):
        found.append(f"{MANAGEMENT_URL}: {wrong}")
    if settings.log_level not in LEVELS:
        found.append(f"TALLYSTICK_LOG_LEVEL: write one of {', '.join(LEVELS)}")
    return found


def look_at_settings() -> tuple[list[Finding], Known]:
    """Findings, and what the other checks can go on with."""
    settings: Settings | None = None
    try:
        settings = read_settings()
        wrong = mistakes(settings)
    except SettingsInvalid as error:
        wrong = str(error).splitlines()
    policy = _usable(POLICY, str)
    known = Known(
        settings,
        _usable(DATABASE_URL, check_database_url),
        _usable(AMQP_URL, check_amqp_url),
        None if settings is None or _management(settings) else settings.management_url,
        None if policy is None else Path(policy),
    )
    findings = [
        Finding("settings", Level.FAIL, line, "set or correct it, or the file of the same name with _FILE")
        for line in wrong
    ]
    if settings is not None and not wrong:
        findings += [Finding("settings", Level.OK, "complete"), _prefetch(settings)]
    return findings, known


def _prefetch(settings: Settings) -> Finding:
    found = f"{settings.prefetch} unacked messages per queue"
    if settings.prefetch < FEW:
        return Finding("prefetch", Level.WARN, found, f"commits stay small: set TALLYSTICK_PREFETCH to {FEW} or more")
    return Finding("prefetch", Level.OK, found)


def _management(settings: Settings) -> str | None:
    """What is wrong with the URL of the management API, to which a password travels."""
    try:
        parts = urlsplit(settings.management_url or "")
        is_right = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return "write a URL such as https://host:15671"
    if not is_right or parts.query or parts.fragment:
        return "write a URL such as https://host:15671"
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not settings.allow_plain_text:
        return "a password would travel without TLS: write https://"
    return None


def _plain_text(settings: Settings) -> Iterator[str]:
    """Addresses off this machine to which passwords would travel without TLS."""
    allow = "; where the network is trusted, set TALLYSTICK_ALLOW_PLAIN_TEXT=true"
    broker, database = urlsplit(settings.amqp_url), urlsplit(settings.database_url)
    if broker.scheme == "amqp" and not is_loopback(broker.hostname or ""):
        yield f"{AMQP_URL}: it travels without TLS: write amqps://{allow}"
    if not all(map(_is_here, _hosts(database))) and _last(database, "sslmode") not in _TLS:
        yield f"{DATABASE_URL}: it may travel without TLS: add ?sslmode=verify-full{allow}"


def _hosts(url: SplitResult) -> list[str]:
    """Whom asyncpg asks: hosts that the URL names or, where it names none, its query; folders of sockets among them."""
    named = url.netloc.rpartition("@")[2] or _last(url, "host")
    return [unquote(_without_port(each)) for each in named.split(",") if each]


def _without_port(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_here(host: str) -> bool:
    return host.startswith("/") or is_loopback(host)


def _last(url: SplitResult, name: str) -> str:
    """A parameter of the query; of one that is repeated asyncpg takes the last. Empty where there is none."""
    return parse_qs(url.query).get(name, [""])[-1]


def _mistake(variable: str, url: str, check: Callable[[str], str]) -> str | None:
    try:
        check(url)
    except ValueError as error:
        return f"{variable}: {error}"
    return None


def _usable(variable: str, check: Callable[[str], str]) -> str | None:
    """The variable's value, if it is there and of the right form."""
    try:
        value = from_environment(variable)
        return check(value) if value else None
    except (click.UsageError, ValueError):
        return None
