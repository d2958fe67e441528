"""How systems stand at their gates, trying one, and stopping and letting go what is sent to it, over the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import click

from adapters.ports.inspection import Inspection, Right
from gateway.cli.checks.systems import Look, answered, refused
from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows
from gateway.cli.remote import Remote, remote, remote_options

SYSTEMS: Final = "/v1/systems"
SHOWN: Final = ("system", "held by", "until", "breaker", "failures", "last failure", "in flight", "commands")

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


def _reason(command: F) -> F:
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


@click.command()
@click.argument("name", required=False)
@remote_options
@rows_option
def show(name: str | None, url: str | None, token_file: Path | None, output: str) -> None:
    """Show what holds the commands of each system, or of the one with this NAME, back now.

    Asks a gateway that runs.
    """
    api = remote(url, token_file)
    items = api.get(SYSTEMS).content["items"] if name is None else [api.get(_path(name)).content]
    show_rows(output, items, SHOWN, [_row(item) for item in items])


@click.command()
@click.argument("name")
@_reason
@remote_options
@output_option
def pause(name: str, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Send nothing more to the system NAME until it is resumed. Asks a gateway that runs."""
    told = remote(url, token_file).send("POST", f"{_path(name)}/pause", {"reason": reason}).content
    _tell(told, output, f"{name} is paused; it goes on by: tallystick system resume {name} --reason …")


@click.command()
@click.argument("name")
@_reason
@remote_options
@output_option
def resume(name: str, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Let commands to the system NAME pass again. Asks a gateway that runs."""
    told = remote(url, token_file).send("POST", f"{_path(name)}/resume", {"reason": reason}).content
    _tell(told, output, f"{name} is resumed.")


def asked_by_gateway(api: Remote, name: str) -> Look:
    """What a gateway that runs finds of the system NAME."""
    told = api.send("POST", f"{_path(name)}/test", {}).content
    found = told["inspection"]
    if found is None:
        return refused(name, told["refused"]["found"], told["refused"]["change"])
    clock = None if found["clock"] is None else datetime.fromisoformat(found["clock"])
    rights = tuple(Right(each["name"], each["missing"]) for each in found["rights"])
    inspection = Inspection(found["version"], found["identity"], clock, rights, found["limits"])
    return answered(name, inspection, datetime.fromisoformat(told["at"]))


def _path(name: str) -> str:
    return f"{SYSTEMS}/{quote(name, safe='')}"


def _tell(told: object, output: str, words: str) -> None:
    if output == JSON:
        show_json(told)
    else:
        click.echo(words)


def _row(item: Mapping[str, Any]) -> list[str]:
    return [
        item["system"],
        "; ".join(f"{each['reason']}: {each['why']}" for each in item["held"]),
        "; ".join(each["until"] for each in item["held"] if each["until"]),
        item["breaker"], str(item["failures"]), item["last_failure"] or "", str(item["in_flight"]),
        "" if item["commands"] is None else str(item["commands"]),
    ]  # fmt: skip
