"""`tallystick mapping`: which policy is in force, and what another one would do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from adapters.ports.history import GivenId, PastMessage
from adapters.postgres.history import PostgresHistory
from adapters.postgres.policies import PostgresPolicies
from gateway import telemetry
from gateway.cli.options import JSON, database_option, output_option, rows_option
from gateway.cli.output import show_json, show_rows
from gateway.cli.preview.hurry import hurried
from gateway.cli.preview.play import play
from gateway.cli.preview.played import Played, differences
from gateway.cli.preview.report import show_preview, show_preview_json
from gateway.cli.remote import remote, remote_options
from gateway.exits import Exit, Failed
from gateway.policy_file import PolicyFile, parse_policy, read_policy

MOST: Final = 100_000
SHOWN: Final = ("how", "by", "at", "reason")
HOW_TO_SEE: Final = "try messages of your own with `tallystick event validate --intake`"
TIME: Final = "%Y-%m-%dT%H:%M:%S%z"


F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


def _reason(command: F) -> F:
    """Add `--reason`, which goes into the audit."""
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


def _no_retry(command: F) -> F:
    """Add `--no-retry`."""
    told = "Leave what stands still for want of a mapping where it is, for `tallystick replay`."
    return click.option("--no-retry", is_flag=True, help=told)(command)


@click.group()
def mapping() -> None:
    """Show which policies were in force, bring another one into force, and see beforehand what it would do.

    `preview` reads the database; the others ask the API of a gateway that runs.
    """


@mapping.command("list")
@click.option("--most", type=click.IntRange(1, MOST), default=50, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, most: int, output: str) -> None:
    """List what came into force, newest first."""
    items = remote(url, token_file).all("/v1/mappings", most)
    show_rows(output, items, ["policy", "state", *SHOWN], [_row(item) for item in items])


@mapping.command()
@_reason
@_no_retry
@remote_options
@output_option
def reload(url: str | None, token_file: Path | None, reason: str, output: str, *, no_retry: bool) -> None:
    """Let the gateway read its policy file again, and put it in force."""
    body = {"reason": reason, "retry": not no_retry}
    _tell(remote(url, token_file).send("POST", "/v1/mappings/reload", body).content, output)


@mapping.command()
@click.argument("policy")
@_reason
@_no_retry
@remote_options
@output_option
def rollback(
    url: str | None, token_file: Path | None, policy: str, reason: str, output: str, *, no_retry: bool
) -> None:
    """Put a POLICY in force again, named by its 12 hex digits, that was loaded before."""
    body = {"to": policy, "reason": reason, "retry": not no_retry}
    _tell(remote(url, token_file).send("POST", "/v1/mappings/rollback", body).content, output)


def _tell(activation: Mapping[str, Any], output: str) -> None:
    if output == JSON:
        show_json(activation)
    else:
        click.echo(f"Policy {activation['policy']} is in force, by {activation['by']}: {activation['reason']}")


def _row(item: Mapping[str, Any]) -> tuple[str, ...]:
    return (item["policy"], "in force" if item["in_force"] else "", *(str(item[name]) for name in SHOWN))


@dataclass(frozen=True, slots=True)
class Past:
    """What a preview starts from."""

    active: PolicyFile
    messages: Sequence[PastMessage]
    given: Sequence[GivenId]


@mapping.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--since", type=click.DateTime([TIME]), help="Messages received from then on, as 2026-03-06T00:00:00Z.")
@click.option("--until", type=click.DateTime([TIME]), help="And before then.")
@click.option(
    "--most", type=click.IntRange(1, MOST), default=10_000, show_default=True, help="The newest so many of them."
)
@click.option("--show", type=click.IntRange(0, MOST), default=20, show_default=True, help="Keys that differ, at most.")
@database_option
@output_option
def preview(
    database_url: str, file: Path, since: datetime | None, until: datetime | None, most: int, show: int, output: str
) -> None:
    """Play past messages under the policy in force and under FILE, and tell what differs.

    Nothing is sent or written: messages are read from the database and played in memory, in the order in which they
    came, each once all that the one before it led to is done. Systems confirm what they are asked, with the ids that
    the real ones gave. What people decided, dead letters, and the state before the first message are left out, and so
    is what an intake makes of a message: past messages are kept as the events that they became.
    """
    changed = read_policy(file)
    past = asyncio.run(past_of(database_url, since, until, most))
    if not past.messages:
        raise Failed(Exit.NOT_FOUND, "no message was received in this time: look at /v1/messages, or widen it")
    unseen = other_intakes(past.active, changed)
    for name in unseen:
        click.echo(f"{name} differs, which no preview shows: {HOW_TO_SEE}", err=True)
    now, then = (_played(policy, past, title) for policy, title in ((past.active, "now"), (changed, "then")))
    hashes, differing = (past.active.hash, changed.hash), differences(now, then)
    if output == JSON:
        show_preview_json(now, then, differing, hashes, show, unseen)
    else:
        show_preview(now, then, differing, hashes, show)


def other_intakes(active: PolicyFile, changed: PolicyFile) -> list[str]:
    """Where intakes differ. Past messages are kept as the events that were made of them, so no play shows what for."""
    names = sorted(active.intakes.keys() | changed.intakes.keys())
    return [f"intakes.{name}" for name in names if active.intakes.get(name) != changed.intakes.get(name)]


async def past_of(url: str, since: datetime | None, until: datetime | None, most: int) -> Past:
    """What is needed of a database for a preview. Raises `Failed` and `StoreUnavailable`."""
    history, policies = PostgresHistory(url), PostgresPolicies(url)
    try:
        active = await policies.active()
        if active is None:
            raise Failed(Exit.NOT_FOUND, "no policy is in force yet: start the gateway once")
        text = await policies.text(active.hash)
        messages = await history.messages(since=since, until=until, limit=most)
        keys = sorted({message.key for message in messages})
        return Past(parse_policy(text, f"policy {active.hash}"), messages, await history.given_ids(keys))
    finally:
        await history.close()
        await policies.close()


def _played(policy: PolicyFile, past: Past, title: str) -> Played:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=len(past.messages))
        with telemetry.silenced():
            return hurried(play(policy, past.messages, past.given, lambda: progress.advance(task)))
