"""`tallystick status` and `tallystick me`: how a gateway stands, and who asks, over its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json, show_table
from gateway.cli.remote import remote, remote_options
from gateway.exits import Exit, Failed

CHECKS: Final = ("", "check", "detail")
HELD: Final = ("system", "is held by", "until", "why")
OPEN: Final = ("stands open", "of", "count", "look at")


@click.command()
@remote_options
@output_option
def status(url: str | None, token_file: Path | None, output: str) -> None:
    """Show whether the gateway is ready, what its systems hold back, and what stands open.

    Asks the API of a gateway that runs. Ends with 7 if it is not ready. What stands open makes nobody unready.
    """
    api = remote(url, token_file)
    told, systems = api.get("/v1/status").content, api.get("/v1/systems").content["items"]
    if output == JSON:
        show_json({**told, "systems": systems})
    else:
        _show(told, systems)
    if not told["ready"]:
        wrong = "; ".join(f"{each['name']}: {each['detail']}" for each in told["checks"] if not each["ok"])
        raise Failed(Exit.UNHEALTHY, f"it is not ready: {wrong}")


@click.command()
@remote_options
@output_option
def me(url: str | None, token_file: Path | None, output: str) -> None:
    """Show who you are by your token, and what you may see and do."""
    told = remote(url, token_file).get("/v1/me").content
    if output == JSON:
        show_json(told)
        return
    reach = {name: "all" if told[name] is None else ", ".join(told[name]) for name in ("entities", "legal_entities")}
    rows = [
        ("name", told["name"]), ("permissions", ", ".join(told["permissions"])), ("roles", ", ".join(told["roles"])),
        ("entities", reach["entities"]), ("legal entities", reach["legal_entities"]),
    ]  # fmt: skip
    show_table(["", ""], rows)


def _show(told: Mapping[str, Any], systems: Sequence[Mapping[str, Any]]) -> None:
    click.echo(f"tallystick {told['version']}: {'ready' if told['ready'] else 'not ready'}\n")
    show_table(CHECKS, checks_of(told["checks"]))
    if told["restore"] is not None:
        click.echo(f"\nA restore of the database is {told['restore']['phase']}: tallystick restore show")
    held, standing = held_of(systems), list(open_of(told["open"]))
    if held:
        click.echo()
        show_table(HELD, held)
    click.echo()
    if standing:
        show_table(OPEN, standing)
    else:
        click.echo("Nothing stands open.")


def checks_of(checks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Conditions of readiness; one of which something is to be said names its page in the runbook."""
    rows = []
    for check in checks:
        detail = f"{check['detail']}: tallystick docs runbook {check['name']}" if check["detail"] else ""
        rows.append(("ok" if check["ok"] else "fail", check["name"], detail))
    return rows


def held_of(systems: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """What holds the commands of each system back."""
    return [(each["system"], why["reason"], why["until"] or "", why["why"]) for each in systems for why in each["held"]]


def open_of(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What stands open, each with the command that shows it."""
    for case in report["cases"]:
        of = case["failure_class"] + (f", {case['owner']}" if case["owner"] else "")
        yield "cases", of, f"{case['cases']:,}", "case groups"
    for lane in report["lanes"]:
        of = f"{lane['entity']}, {lane['state']}"
        yield "lanes", of, f"{lane['lanes']:,} with {lane['messages']:,} messages", f"lane list --state {lane['state']}"
    for row in report["commands"]:
        parked = f", {row['parked']:,} parked" if row["parked"] else ""
        yield "commands", row["system"], f"{row['commands']:,}{parked}", f"system show {row['system']}"
    for row in report["replays"]:
        yield "replays", row["phase"], f"{row['replays']:,} with {row['messages']:,} messages to go", "replay list"
    if report["dead_letters"]:
        yield "dead letters", "", f"{report['dead_letters']:,}", "dead-letter list"
    if report["notices"]:
        yield "notices not published", "", f"{report['notices']:,}", "readyz?verbose"
