"""`tallystick system`: what is configured, promised, and sent, whether a system lets us work, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import uvloop

from adapters.ports.inspection import Inspection
from gateway.app_systems import system_of
from gateway.cli.checks.systems import look_at_system
from gateway.cli.declared import (
    PROMISES,
    RECORD,
    SYSTEMS,
    Configured,
    as_json,
    configured,
    promise_rows,
    record_rows,
    system_row,
)
from gateway.cli.options import (
    JSON,
    TABLE,
    optional_policy_option,
    output_option,
    policy_option,
    required_policy,
    rows_option,
)
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import remote, remote_options
from gateway.cli.system_now import asked_by_gateway, pause, resume, show
from gateway.exits import Exit, Failed
from gateway.policy_file import AnySystem, read_policy
from gateway.system_policy import PolicyInvalid
from schemas.json_schema import json_schema
from schemas.operations.table import OPERATIONS


@click.group()
def system() -> None:
    """Show systems, try one, and stop what is sent to it.

    `list`, `test`, and `schema` read the policy file and need no gateway; `show`, `pause`, `resume`, and
    `test --by-gateway` ask one.
    """


system.add_command(show)
system.add_command(pause)
system.add_command(resume)


@system.command("list")
@policy_option
@rows_option
def list_(policy: Path, output: str) -> None:
    """Show each system: its operations, what it promises for them, and what it was tried against.

    Nothing is connected to. Ends with 1 if the gateway could not begin with one of them.
    """
    entries = read_policy(policy).systems
    found = uvloop.run(_configured(dict(entries)))
    if output != TABLE:
        show_rows(output, [as_json(each) for each in found], SYSTEMS, [system_row(each) for each in found])
    else:
        show_table(SYSTEMS, [system_row(each) for each in found], title="Systems")
        click.echo()
        show_table(PROMISES, [row for each in found for row in promise_rows(each)], title="What each promises")
        click.echo()
        show_table(RECORD, [row for each in found for row in record_rows(each)], title="Records")
    problems = [f"systems.{each.name}: {each.problem}" for each in found if each.problem is not None]
    if problems:
        raise Failed(Exit.FAILED, "\n".join(problems))


@system.command()
@click.argument("name")
@click.option("--by-gateway", is_flag=True, help="Have the gateway that runs ask it: from where it is, as who it is.")
@optional_policy_option
@remote_options
@output_option
def test(
    name: str, policy: Path | None, url: str | None, token_file: Path | None, output: str, *, by_gateway: bool
) -> None:
    """Ask the system NAME who we are there, and whether our credential may do what the gateway needs.

    Writes nothing there. Ends with 0 if nothing is missing, else with 7.
    """
    if by_gateway:
        place, look = {}, asked_by_gateway(remote(url, token_file), name)
    else:
        entry = _listed(name, required_policy(policy))
        place, look = {"kind": entry.kind, "url": entry.url}, uvloop.run(look_at_system(name, entry))
    if output == JSON:
        told = {"ready": look.is_ready, "inspection": _told(look.inspection), "findings": look.findings}
        show_json({"name": name, **place, **told})
    else:
        show_table(
            ["", "found", "what to change"],
            [(each.level.value, each.found, each.change) for each in look.findings],
            title=f"{name}, {' at '.join(place.values()) or 'as the gateway finds it'}",
        )
        click.echo("\nNothing is missing." if look.is_ready else "\nIt cannot be worked with as it is.")
    if not look.is_ready:
        raise click.exceptions.Exit(Exit.UNHEALTHY)


@system.command()
@click.argument("operation", metavar="OPERATION", type=click.Choice(list(OPERATIONS)))
def schema(operation: str) -> None:
    """Print the JSON Schema of what is sent to a system of kind `http` for an OPERATION such as `billable.post`."""
    show_json(json_schema(OPERATIONS[operation], operation, mode="serialization"))


def _listed(name: str, policy: Path) -> AnySystem:
    entries = read_policy(policy).systems
    if name not in entries:
        raise Failed(Exit.NOT_FOUND, f"{policy} lists no system {name}: it lists {', '.join(entries)}")
    return entries[name]


def _told(inspection: Inspection | None) -> Mapping[str, object] | None:
    """What was found, for programs."""
    if inspection is None:
        return None
    return {
        "identity": inspection.identity,
        "version": inspection.version,
        "clock": inspection.clock,
        "rights": [{"name": each.name, "missing": each.missing} for each in inspection.rights],
        "limits": dict(inspection.limits),
    }


async def _configured(entries: dict[str, AnySystem]) -> list[Configured]:
    return [await _one(name, entry) for name, entry in entries.items()]


async def _one(name: str, entry: AnySystem) -> Configured:
    try:
        adapter = system_of(name, entry)
    except PolicyInvalid as error:
        return Configured(name, entry, problem=str(error))
    try:
        return configured(name, entry, adapter)
    finally:
        await adapter.close()
