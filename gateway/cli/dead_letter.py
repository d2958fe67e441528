"""`tallystick dead-letter`: what could not become a message, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from adapters.ports.letters import LetterState
from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from gateway.exits import Exit, Failed
from schemas.verdicts import FailureClass

LIST: Final = ("digest", "first_at", "seen", "queue", "class", "code", "reason")
RETRIED: Final = ("digest", "outcome", "code", "reason")
LETTERS: Final = "/v1/dead-letters"
MOST: Final = 100_000

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


@click.group("dead-letter")
def dead_letter() -> None:
    """Show, retry, and discard what could not become a message.

    Asks a gateway that runs, by its API. Each act names its reason, which is kept.
    """


def _chosen(command: F) -> F:
    """Add what they can be chosen by."""
    for option in (
        click.option("--queue", metavar="NAME", help="Out of one queue."),
        click.option("--code", metavar="CODE", help="With one code."),
        click.option("--class", "class_", type=click.Choice([kind.value for kind in FailureClass])),
    ):
        command = option(command)
    return command


def _reason(command: F) -> F:
    return click.option("--reason", required=True, help="Why; kept in the audit.")(command)


@dead_letter.command("list")
@_chosen
@click.option("--state", type=click.Choice([state.value for state in LetterState]), default="buried", show_default=True)
@click.option("--most", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, most: int, output: str, **asked: str | None) -> None:
    """List dead letters, the newest first."""
    items = remote(url, token_file).all(LETTERS, most, **asked)
    show_rows(output, items, LIST, [_row(item) for item in items])


@dead_letter.command()
@click.argument("digest")
@click.option("--reason", required=True, help="Why you need to see it; kept in the audit, with your name.")
@remote_options
def payload(digest: str, reason: str, url: str | None, token_file: Path | None) -> None:
    """Print the bytes of the dead letter DIGEST as they came. They may be about people."""
    click.echo(remote(url, token_file).get(f"{LETTERS}/{_digest(digest)}/payload", reason=reason).content)


@dead_letter.command()
@click.argument("digest")
@remote_options
@output_option
def show(digest: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Show the dead letter DIGEST with its headers, without its body."""
    told = remote(url, token_file).get(f"{LETTERS}/{_digest(digest)}").content
    if output == JSON:
        show_json(told)
    else:
        rows = [(name, "–" if value is None else str(value)) for name, value in told.items()]
        show_table(["", ""], [*rows, ("more", f"tallystick docs runbook {told['failure_class']}")])


@dead_letter.command()
@click.argument("digest", required=False)
@_chosen
@_reason
@remote_options
@output_option
def retry(
    digest: str | None, class_: str | None, code: str | None, queue: str | None, reason: str, url: str | None,
    token_file: Path | None, output: str,
) -> None:  # fmt: skip
    """Let the dead letter DIGEST, or those that are chosen, through the door again.

    Ends with 1 if any of them still cannot become a message.
    """
    by = {name: value for name, value in (("class", class_), ("code", code), ("queue", queue)) if value is not None}
    if (digest is None) != bool(by):
        raise click.UsageError("name one DIGEST, or choose by --class, --code, or --queue")
    api = remote(url, token_file)
    if digest is not None:
        told = api.send("POST", f"{LETTERS}/{_digest(digest)}/retry", {"reason": reason}).content
        _tell(told, f"Dead letter {digest}: admitted.", output)
        return
    items: list[Mapping[str, Any]] = []
    cursor = None
    while True:
        body = {"reason": reason, **by} | ({} if cursor is None else {"cursor": cursor})
        page = api.send("POST", f"{LETTERS}/retry", body).content
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    show_rows(output, items, RETRIED, [[str(each[name] or "") for name in RETRIED] for each in items])
    left = sum(each["outcome"] in ("refused", "cut") for each in items)
    if left:
        raise Failed(Exit.FAILED, f"{left} of {len(items)} dead letters still cannot become messages")


@dead_letter.command()
@click.argument("digest")
@_reason
@remote_options
@output_option
def discard(digest: str, reason: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Settle the dead letter DIGEST as of no use; it stays readable."""
    told = remote(url, token_file).send("POST", f"{LETTERS}/{_digest(digest)}/discard", {"reason": reason}).content
    _tell(told, f"Dead letter {digest}: discarded.", output)


def _tell(told: Mapping[str, Any], sentence: str, output: str) -> None:
    if output == JSON:
        show_json(told)
    else:
        click.echo(sentence)


def _digest(text: str) -> str:
    """The digest, which goes into a path. Raises `UsageError`."""
    try:
        return bytes.fromhex(text).hex()
    except ValueError as error:
        raise click.UsageError("DIGEST: write it in hexadecimal, as `list` shows it") from error


def _row(item: Mapping[str, Any]) -> list[str]:
    return [
        item["digest"], item["first_at"], str(item["seen"]), item["queue"], item["failure_class"], item["code"],
        item["reason"],
    ]  # fmt: skip
