"""`tallystick event`: show what events look like, and check some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from gateway.cli.events_file import read_files
from gateway.cli.intake import Became, became, the_intake
from gateway.cli.options import JSON, optional_policy_option, output_option, required_policy
from gateway.cli.output import show_json, show_table
from gateway.cli.refusals import RefusedLine, refusal_of
from gateway.cli.remote import remote, remote_options
from gateway.cli.trying import show_tried, tried
from gateway.exits import Exit, Failed
from gateway.intakes.mapping import NamedIntake
from schemas.registry import EVENTS


@click.group()
def event() -> None:
    """Show and check events."""


@event.command()
@output_option
def types(output: str) -> None:
    """List all types of events."""
    rows = [(type_, type_.rpartition(".")[0], _meaning(type_)) for type_ in EVENTS.offered_types]
    if output == JSON:
        show_json([{"type": type_, "routing_key": key, "meaning": meaning} for type_, key, meaning in rows])
    else:
        show_table(["type", "routing key", "meaning"], rows)


@event.command()
@click.argument("type_", metavar="TYPE")
def example(type_: str) -> None:
    """Print a complete valid event of a TYPE such as `timesheet.approved`, with or without its version."""
    click.echo(files("schemas").joinpath("examples", f"{_known(type_)}.json").read_text(encoding="utf-8"), nl=False)


@event.command()
@click.argument("type_", metavar="TYPE")
def schema(type_: str) -> None:
    """Print the JSON Schema of the `data` of a TYPE, with or without its version."""
    show_json(EVENTS.json_schema(_known(type_)))


@event.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--intake", metavar="NAME", help="Take them for messages of this intake, and show what they become.")
@click.option("--decide", is_flag=True, help="Ask the gateway what would come of each if it was published now.")
@optional_policy_option
@remote_options
@output_option
def validate(
    files: tuple[str, ...],
    intake: str | None,
    decide: bool,  # noqa: FBT001 - click hands flags over by name
    policy: Path | None,
    url: str | None,
    token_file: Path | None,
    output: str,
) -> None:
    """Check events as the gateway does, each FILE one event or one on each line; `-` is standard input.

    With --intake the files hold messages that are no CloudEvents, which the policy file's intake makes events of.
    Ends with 1 if one would be refused. With --decide a running gateway decides on each, one by one and with no effect,
    and 1 says that one would neither be applied nor ignored.
    """
    if decide:
        if intake is not None:
            raise click.UsageError("give --decide or --intake: publish what an intake made of a message, then ask")
        show_tried(tried(remote(url, token_file), read_files(files)), output)
        return
    checked = _checked(files) if intake is None else _became(the_intake(required_policy(policy), intake), files)
    _report(checked, output)
    if not checked.count:
        raise Failed(Exit.FAILED, "there is no event in there")
    if checked.refused:
        raise click.exceptions.Exit(Exit.FAILED)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was looked at. `events`: what messages became, None where they were events."""

    count: int
    refused: list[RefusedLine]
    events: list[dict[str, object]] | None = None


def _checked(files: Iterable[str]) -> _Checked:
    found = [refusal_of(line) for line in read_files(files)]
    return _Checked(len(found), [each for each in found if each is not None])


def _became(intake: NamedIntake, files: Iterable[str]) -> _Checked:
    found = [*became(intake, read_files(files))]
    refused = [each for each in found if isinstance(each, RefusedLine)]
    return _Checked(len(found), refused, [each.event for each in found if isinstance(each, Became)])


def _report(checked: _Checked, output: str) -> None:
    count, refused, events = checked.count, checked.refused, checked.events
    if output == JSON:
        rows = [
            {
                "file": each.line.file,
                "line": each.line.number,
                "class": each.failure.failure_class,
                "code": each.failure.code,
                "field": each.failure.field,
                "reason": each.failure.reason,
            }
            for each in refused
        ]
        show_json({"events": count, "refused": rows} | ({} if events is None else {"became": events}))
        return
    for event in events or ():
        show_json(event)
    if refused:
        show_table(
            ["event", "class", "code", "field", "reason"],
            [
                (
                    str(each.line),
                    each.failure.failure_class,
                    each.failure.code,
                    each.failure.field or "",
                    each.failure.reason,
                )
                for each in refused
            ],
        )
    click.echo(f"{count - len(refused):,} of {count:,} events are valid.")


def _known(name: str) -> str:
    """The type that is meant; the latest version where none is named. Raises `Failed`, listing what is known."""
    if name in EVENTS.offered_types:
        return name
    if name in EVENTS.offered_names:
        return EVENTS.latest(name).type
    raise Failed(Exit.NOT_FOUND, f"there is no event type {name}; known are {', '.join(EVENTS.offered_types)}")


def _meaning(type_: str) -> str:
    return (EVENTS.find(type_).model.__doc__ or "").partition("\n")[0]
