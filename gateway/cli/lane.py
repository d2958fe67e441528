"""`tallystick lane`: what stands still of one key, and letting it go on, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import click

from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from schemas.verdicts import LaneState

LIST: Final = ("key", "state", "depth", "since", "commands", "blocked", "reason")
MESSAGES: Final = ("ref", "type", "source", "id", "verdict", "reason")
COMMANDS: Final = ("command", "system", "operation", "reference", "state", "attempts", "reason")
MOST: Final = 100_000

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


@click.group()
def lane() -> None:
    """Show and mend lanes: the messages of one key in their order, and the commands that hold it.

    Asks a gateway that runs, by its API. Each act names its reason, which is kept.
    """


@lane.command("list")
@click.option("--state", type=click.Choice([state.value for state in LaneState]), help="Only those in this state.")
@click.option("--most", type=click.IntRange(1, MOST), default=500, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, state: str | None, most: int, output: str) -> None:
    """List lanes that hold messages, or whose commands are stuck, in the order of their keys."""
    items = remote(url, token_file).all("/v1/lanes", most, state=state)
    show_rows(output, items, LIST, [_row(item) for item in items])


def _of_key(command: F) -> F:
    """Add the key, and how to reach and print."""
    return click.argument("entity")(click.argument("key")(remote_options(output_option(command))))


def _reason(command: F) -> F:
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


@lane.command()
@_of_key
def show(entity: str, key: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Show the lane of ENTITY and KEY, such as `timesheet T-1`: its messages, and commands that are not settled."""
    told = remote(url, token_file).get(_path(entity, key)).content
    if output == JSON:
        show_json(told)
        return
    about = told["lane"]
    show_table(LIST, [_row(about)])
    if told["messages"]:
        rows = [[str(each[name] or "") for name in MESSAGES] for each in told["messages"]]
        show_table(MESSAGES, rows, title="Messages")
    if about["commands"]:
        show_table(COMMANDS, [_command(each) for each in about["commands"]], title="Commands")


@lane.command()
@click.option("--force", is_flag=True, help="Run a message, too, that has ended the process.")
@_reason
@_of_key
def retry(entity: str, key: str, reason: str, force: bool, **to: Any) -> None:  # noqa: ANN401, FBT001 - click hands over all by name
    """Let a lane, and parked commands of its key, run again."""
    _act(entity, key, "retry", {"reason": reason, "force": force}, **to)


@lane.command()
@click.option("--head", type=click.UUID, required=True, help="The message at its head, as `show` showed it.")
@_reason
@_of_key
def discard(entity: str, key: str, reason: str, head: object, **to: Any) -> None:  # noqa: ANN401 - as above
    """End the message at the head of a lane, if it is still the one that you have seen."""
    _act(entity, key, "discard", {"reason": reason, "head": str(head)}, **to)


@lane.command("close-gap")
@click.option("--series", required=True, help="The source, as the lane's reason names it.")
@click.option("--through", type=click.IntRange(min=1), required=True, help="Numbers up to this one count as closed.")
@_reason
@_of_key
def close_gap(entity: str, key: str, reason: str, series: str, through: int, **to: Any) -> None:  # noqa: ANN401 - as above
    """Count numbers of a source that never come as closed, so that what waits for them goes on."""
    _act(entity, key, "close-gap", {"reason": reason, "series": series, "through": through}, **to)


@lane.command()
@click.option("--command", type=click.UUID, required=True, help="Its id, as `show` showed it.")
@click.option("--attempts", type=click.IntRange(min=0), required=True, help="How many `show` showed of it.")
@click.option("--done", "outcome", flag_value="done", help="The system has the effect.")
@click.option("--not-done", "outcome", flag_value="not_done", help="It has not, and nothing can still arrive there.")
@click.option("--external-id", metavar="ID", help="With --done: the system's own id of what was made, if it gave one.")
@_reason
@_of_key
def settle(
    entity: str, key: str, reason: str, command: object, attempts: int, outcome: str | None, external_id: str | None,
    **to: Any,  # noqa: ANN401 - as above
) -> None:  # fmt: skip
    """Say what became of a command, after a look into its system.

    --not-done sends it again under a new generation, so say it only when nothing that was sent before can still arrive.
    """
    if outcome is None:
        raise click.UsageError("say what you have found: --done, or --not-done")
    body = {"reason": reason, "command": str(command), "attempts": attempts, "outcome": outcome}
    _act(entity, key, "settle", body if external_id is None else {**body, "external_id": external_id}, **to)


@lane.command()
@_reason
@_of_key
def pause(entity: str, key: str, reason: str, **to: Any) -> None:  # noqa: ANN401 - as above
    """Decide and send nothing of one key until it is resumed."""
    _act(entity, key, "pause", {"reason": reason}, **to)


@lane.command()
@_reason
@_of_key
def resume(entity: str, key: str, reason: str, **to: Any) -> None:  # noqa: ANN401 - as above
    """End the pause of one key."""
    _act(entity, key, "resume", {"reason": reason}, **to)


def _act(
    entity: str,
    key: str,
    act: str,
    body: Mapping[str, object],
    *,
    url: str | None,
    token_file: Path | None,
    output: str,
) -> None:
    told = remote(url, token_file).send("POST", f"{_path(entity, key)}/{act}", body).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"{entity}/{key}, {act}: {told.get('told') or 'done'}.")


def _path(entity: str, key: str) -> str:
    return f"/v1/lanes/{quote(entity, safe='')}/{quote(key, safe='')}"


def _row(item: Mapping[str, Any]) -> list[str]:
    return [
        f"{item['entity']}/{item['key']}", item["state"], str(item["depth"]), item["since"] or "",
        "; ".join(f"{each['system']}: {each['depth']}" for each in item["commands"]),
        "; ".join(f"{amount} {currency}" for currency, amount in item["blocked"].items()), item["reason"] or "",
    ]  # fmt: skip


def _command(each: Mapping[str, Any]) -> list[str]:
    attempts = "" if each["attempts"] is None else str(each["attempts"])
    return [
        each["head"], each["system"], each["operation"], each["reference"], each["state"], attempts,
        each["reason"] or "",
    ]  # fmt: skip
