"""`tallystick replay`: plan what stands still, let it go on, and watch, over the API of a gateway that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import click

from gateway.cli.options import output_option, rows_option
from gateway.cli.output import show_rows
from gateway.cli.remote import Remote, remote, remote_options
from gateway.cli.replay_shown import ITEMS, LIST, PLANS, cells, item_cells, show_plan, show_replay, watched
from gateway.exits import Exit, Failed

REPLAYS: Final = "/v1/replays"
PLANNED: Final = f"{REPLAYS}/plans"
MOST: Final = 100_000
EVERY_SECONDS: Final = 1.0
TIME: Final = "%Y-%m-%dT%H:%M:%S%z"
OVER: Final = frozenset({"done", "cancelled"})
UNPLANNED: Final = ("otherwise", "moved")
"""Outcomes of messages that may have failed; of the others none has."""

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""

_ID = click.argument("id", type=click.IntRange(min=1))
_MOST = click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, at most.")


def _reason(command: F) -> F:
    """Add `--reason`, which goes into the audit."""
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


def _filter(command: F) -> F:
    """Add the options that choose messages, each named as in the API."""
    for option in (
        click.option("--correlation", help="Of one correlation id."),
        click.option("--until", type=click.DateTime([TIME]), help="Received before then."),
        click.option("--since", type=click.DateTime([TIME]), help="Received from then on, as 2026-03-06T00:00:00Z."),
        click.option("--source", help="Of one source."),
        click.option("--system", help="Of keys with an open case about a command for this system."),
        click.option("--case", type=click.IntRange(min=1), help="Of one open case, by its number."),
        click.option("--code", help="With an open case of this code."),
        click.option("--class", "class_", help="With an open case of this class, such as mapping."),
        click.option("--verdict", help="parked, waiting, backoff, or queued."),
        click.option("--type", "type_", help="Of one event type, with its version."),
        click.option("--key", help="Of one key; give --entity as well."),
        click.option("--entity", help="Of one entity."),
    ):
        command = option(command)
    return command


@click.group()
def replay() -> None:
    """Let messages that stand still go on: plan it, look at the plan, start it by its token, and watch.

    Asks the API of a gateway that runs.
    """


@replay.command()
@_filter
@_reason
@click.option("--no-wait", is_flag=True, help="Do not wait until the plan is ready.")
@remote_options
@output_option
def plan(
    url: str | None, token_file: Path | None, output: str, reason: str, *, no_wait: bool, **chosen: object
) -> None:
    """Plan a replay: freeze what is chosen, and say what each message would do. Nothing is changed."""
    _plan(remote(url, token_file), PLANNED, {"reason": reason, "filter": _written(chosen)}, output, no_wait=no_wait)


@replay.command("plan-sent")
@click.argument("system")
@click.option(
    "--since", type=click.DateTime([TIME]), required=True,
    help="The moment that it was restored to, or an earlier one, as 2026-03-06T00:00:00Z.",
)  # fmt: skip
@click.option("--entity", help="Of one entity.")
@click.option("--key", help="Of one key; give --entity as well.")
@_reason
@click.option("--no-wait", is_flag=True, help="Do not wait until the plan is ready.")
@remote_options
@output_option
def plan_sent(
    system: str, url: str | None, token_file: Path | None, output: str, reason: str, *, no_wait: bool, **chosen: object
) -> None:
    """Plan to send SYSTEM again what it had confirmed and has lost: it is asked for each. Nothing is sent."""
    body = {"reason": reason, "system": system, **_written(chosen)}
    _plan(remote(url, token_file), f"{PLANNED}/sent", body, output, no_wait=no_wait)


def _plan(api: Remote, path: str, body: Mapping[str, object], output: str, *, no_wait: bool) -> None:
    made = api.send("POST", path, body, Idempotency_Key=str(uuid4())).content
    while not no_wait and made["phase"] == "deciding":
        time.sleep(EVERY_SECONDS)
        made = api.get(f"{PLANNED}/{made['id']}").content
    show_plan(made, output)
    if made["phase"] == "cancelled":
        raise Failed(Exit.FAILED, f"plan {made['id']} was cancelled: {made['reason']}")


@replay.command()
@click.argument("token")
@click.option("--name", required=True, help="What it is called, for people.")
@_reason
@click.option("--rate", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Messages a second.")
@click.option(
    "--stop-share", type=click.FloatRange(0, 1), default=0.2, show_default=True,
    help="Stop when this share fails that was not predicted to; 0: never.",
)  # fmt: skip
@click.option("--watch", is_flag=True, help="Wait until it is over; ends with 1 unless all went well.")
@remote_options
@output_option
def start(  # noqa: PLR0913 - click hands over every option
    token: str, url: str | None, token_file: Path | None, output: str, name: str, reason: str, rate: int,
    stop_share: float, *, watch: bool,
) -> None:  # fmt: skip
    """Start the plan of TOKEN, slowly at first."""
    api = remote(url, token_file)
    body = {"token": token, "name": name, "reason": reason, "rate": rate, "stop_share": stop_share or None}
    started = api.send("POST", REPLAYS, body).content
    if watch:
        _watch(api, started, output)
    else:
        show_replay(started, output)


@replay.command("list")
@click.option("--plans", is_flag=True, help="Plans that were not started.")
@_MOST
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, output: str, most: int, *, plans: bool) -> None:
    """List replays, the newest first."""
    columns = PLANS if plans else LIST
    items = remote(url, token_file).all(PLANNED if plans else REPLAYS, most)
    show_rows(output, items, columns, [cells(item, columns) for item in items])


@replay.command()
@_ID
@click.option("--plan", "as_plan", is_flag=True, help="Show its plan.")
@remote_options
@output_option
def show(id: int, url: str | None, token_file: Path | None, output: str, *, as_plan: bool) -> None:
    """Show replay ID: its plan, or what has come of it."""
    api = remote(url, token_file)
    made = api.get(f"{PLANNED}/{id}").content
    if as_plan or made["started_at"] is None:
        show_plan(made, output)
    else:
        show_replay(api.get(f"{REPLAYS}/{id}").content, output)


@replay.command()
@_ID
@click.option("--outcome", help="as_planned, moved, otherwise, or changed.")
@click.option("--predicted", help="Of one predicted verdict.")
@_MOST
@remote_options
@rows_option
def items(
    id: int,
    url: str | None,
    token_file: Path | None,
    output: str,
    outcome: str | None,
    predicted: str | None,
    most: int,
) -> None:
    """List the messages of replay or plan ID: what each would do, and what came of it."""
    found = remote(url, token_file).all(f"{REPLAYS}/{id}/items", most, outcome=outcome, predicted=predicted)
    show_rows(output, found, ITEMS, [item_cells(item) for item in found])


@replay.command()
@_ID
@_reason
@remote_options
@output_option
def pause(id: int, url: str | None, token_file: Path | None, output: str, reason: str) -> None:
    """Let nothing more of replay ID go on, until it is resumed."""
    _steer(id, "pause", remote(url, token_file), output, reason)


@replay.command()
@_ID
@_reason
@click.option("--policy", help="The policy in force, where the plan is of another and says nothing of it.")
@remote_options
@output_option
def resume(
    id: int, url: str | None, token_file: Path | None, output: str, reason: str, policy: str | None
) -> None:  # fmt: skip
    """Let replay ID go on, slowly at first."""
    _steer(id, "resume", remote(url, token_file), output, reason, policy)


@replay.command()
@_ID
@_reason
@remote_options
@output_option
def cancel(id: int, url: str | None, token_file: Path | None, output: str, reason: str) -> None:
    """End replay ID, or a plan; what runs, runs to its end."""
    _steer(id, "cancel", remote(url, token_file), output, reason)


@replay.command()
@_ID
@remote_options
@output_option
def watch(id: int, url: str | None, token_file: Path | None, output: str) -> None:
    """Watch replay ID until it is over; ends with 1 if anything failed or it was cancelled, 8 if it is paused."""
    api = remote(url, token_file)
    _watch(api, api.get(f"{REPLAYS}/{id}").content, output)


def _steer(id: int, act: str, api: Remote, output: str, reason: str, policy: str | None = None) -> None:
    body = {"reason": reason} | ({} if policy is None else {"policy": policy})
    show_replay(api.send("POST", f"{REPLAYS}/{id}/{act}", body).content, output)


def _watch(api: Remote, replay: dict[str, Any], output: str) -> None:
    """Show how it comes along until it is over or paused. Raises `Failed`."""
    with watched(replay) as shown:
        while replay["phase"] not in OVER and replay["phase"] != "paused":
            time.sleep(EVERY_SECONDS)
            replay = api.get(f"{REPLAYS}/{replay['id']}").content
            shown(replay)
    show_replay(replay, output)
    if replay["phase"] == "paused":
        raise Failed(Exit.UNDER_WAY, f"replay {replay['id']} is paused: {replay['reason']}")
    if replay["failed"]:
        told = " and ".join(f"--outcome {each}" for each in UNPLANNED if replay["outcomes"].get(each))
        found = f"tallystick replay items {replay['id']} {told}"
        raise Failed(Exit.FAILED, f"{replay['failed']} messages failed that were not predicted to: {found}")
    if replay["phase"] == "cancelled":
        left = replay["messages"] - replay["released"]
        told = f"replay {replay['id']} was cancelled, {left} messages left alone: {replay['reason']}"
        raise Failed(Exit.FAILED, told)


def _written(chosen: Mapping[str, object]) -> dict[str, object]:
    """The filter as it goes out."""
    given = {name.rstrip("_"): value for name, value in chosen.items() if value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()}
