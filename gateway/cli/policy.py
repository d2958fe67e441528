"""`tallystick policy`: check a policy file, and show the JSON Schema of such files."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json
from gateway.cli.policy_doubts import doubts
from gateway.policy_file import json_schema, read_policy


@click.group()
def policy() -> None:
    """Check the policy file, and show its schema."""


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_option
def check(file: Path, output: str) -> None:
    """Check a policy FILE. Ends with 1 if the gateway would refuse it; what is only doubtful is told."""
    found = read_policy(file)
    doubtful = doubts(found)
    if output == JSON:
        show_json({"ok": True, "doubts": doubtful})
        return
    for doubt in doubtful:
        click.echo(f"{file}: doubtful: {doubt}")
    click.echo(
        f"{file}: {len(found.legal_entities)} legal entities, {len(found.sources)} sources, "
        f"{len(found.systems)} systems: the gateway takes it."
    )


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors that check while one writes."""
    show_json(json_schema())
