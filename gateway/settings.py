"""Settings from the environment: `TALLYSTICK_…`, each secret also as the name of a file in `…_FILE`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.heartbeat import SILENT_SECONDS


class SettingsInvalid(ValueError):
    """The environment cannot be used; whoever set it must act."""


class Settings(BaseSettings):
    """Where things are and how much is taken at once. Everything about the business stands in the policy file."""

    model_config = SettingsConfigDict(env_prefix="TALLYSTICK_", frozen=True, extra="ignore")

    database_url: str = Field(repr=False)
    amqp_url: str = Field(repr=False)
    management_url: str | None = Field(None, repr=False)
    """RabbitMQ's management API; `doctor` alone asks it, for policies."""
    policy: Path
    api_bind: str = "127.0.0.1:8080"
    ops_bind: str = "127.0.0.1:9090"
    api_token_file: Path | None = None
    callers_file: Path | None = None
    """Names, roles, and digests of tokens of those who may ask the API."""
    oidc_file: Path | None = None
    """Whose signed tokens the API takes beside them."""
    api_rate: Annotated[float, Field(gt=0, le=1_000_000)] = 100
    """Requests a second that this process answers one caller, on average."""
    allow_plain_text: bool = False
    """Whether passwords and bodies may travel without TLS to a broker or database that is not on loopback."""
    prefetch: Annotated[int, Field(ge=1, le=65_535)] = 1000
    """Unacked messages per queue. 0 would mean no bound, so it is refused."""
    unacked_bytes: Annotated[int, Field(ge=1024 * 1024)] = 64 * 1024 * 1024
    """Bytes of messages that are in memory and not acknowledged; beyond them reading from the broker stops."""
    committers: Annotated[int, Field(ge=1, le=32)] = 2
    """Committers, each with a connection of its own; a key always has the same one."""
    commit_seconds: Annotated[float, Field(ge=1, le=600)] = 30
    """How long a committer waits for the database; then it asks, on a new connection, what became of its commit."""
    silent_seconds: Annotated[float, Field(ge=2, le=600)] = SILENT_SECONDS
    """How long another process may be silent before its leases are taken over."""
    grace_seconds: Annotated[float, Field(gt=0, le=600)] = 25
    """How long a SIGTERM waits for what is in flight."""
    log_level: str = "info"

    @field_validator("api_bind", "ops_bind")
    @classmethod
    def _address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (host and colon and port.isdigit() and int(port) < 65_536):
            raise ValueError("write host:port such as 127.0.0.1:8080")
        return value


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment. Raises `SettingsInvalid` with one line for each variable that is wrong."""
    values: dict[str, str] = {}
    for name in Settings.model_fields:
        variable = f"TALLYSTICK_{name.upper()}"
        if variable in environment:
            values[name] = environment[variable]
        elif (path := environment.get(f"{variable}_FILE")) and not name.endswith("_file"):
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsInvalid(f"{variable}_FILE: {path}: {error.strerror or error}") from error
            except UnicodeDecodeError as error:
                raise SettingsInvalid(f"{variable}_FILE: {path}: it is not UTF-8 text") from error
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        lines = [
            f"TALLYSTICK_{str(mistake['loc'][0]).upper()}: "
            + ("not set; set it" if mistake["type"] == "missing" else mistake["msg"])
            for mistake in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsInvalid("\n".join(lines)) from error
