"""`tallystick sandbox`: the three sandbox systems as a process of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click
import uvloop

from adapters.sandbox.operations import Role
from adapters.sandbox.serve import LOOPBACK, run
from adapters.sandbox.settings import SandboxSettings
from gateway.cli.options import no_dry_run
from gateway.exits import Exit, Failed
from gateway.garbage import spare_the_long_lived
from gateway.policy_file import read_policy

CRM_PORT: Final = 18081
PSA_PORT: Final = 18082
ERP_PORT: Final = 18083
TOKEN: Final = "sandbox"  # noqa: S105 - a sandbox keeps nothing that is worth a secret
"""Ports and token as `examples/policy.yaml` has them."""


@click.command()
@click.option(
    "--crm-port", type=click.IntRange(0, 65_535), default=CRM_PORT, show_default=True, help="0: any free one."
)
@click.option(
    "--psa-port", type=click.IntRange(0, 65_535), default=PSA_PORT, show_default=True, help="0: any free one."
)
@click.option(
    "--erp-port", type=click.IntRange(0, 65_535), default=ERP_PORT, show_default=True, help="0: any free one."
)
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@click.option("--token", default=TOKEN, show_default=True, help="Bearer token that callers must send.")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Policy file: its legal entities are known, others refused.  [default: all are known]",
)
@click.option(
    "--journal-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep effects in files here, over a restart.  [default: in memory]",
)
@click.option("--closed-until", type=click.DateTime(["%Y-%m-%d"]), help="The ERP refuses work done before this day.")
@no_dry_run
def sandbox(
    crm_port: int,
    psa_port: int,
    erp_port: int,
    host: str,
    token: str,
    policy: Path | None,
    journal_dir: Path | None,
    closed_until: datetime | None,
) -> None:
    """Run a sandbox CRM, PSA, and ERP.

    They serve until SIGINT or SIGTERM. Each shows its effects at /journal, and misbehaves as POST /faults asks it to.
    """
    entities = _currencies(policy)
    closed = closed_until.date() if closed_until else None
    if journal_dir is not None:
        journal_dir.mkdir(parents=True, exist_ok=True)
    ports = {Role.CRM: crm_port, Role.PSA: psa_port, Role.ERP: erp_port}
    settings = [_settings(role, port, token, entities, closed, journal_dir) for role, port in ports.items()]
    spare_the_long_lived()
    try:
        uvloop.run(run(settings, _announce, host=host))
    except OSError as error:
        raise Failed(Exit.FAILED, f"{error}: choose other ports, or end what listens there") from error


def _settings(
    role: Role,
    port: int,
    token: str,
    entities: Mapping[str, str] | None,
    closed_until: date | None,
    journal_dir: Path | None,
) -> SandboxSettings:
    return SandboxSettings(
        role,
        token,
        port=port,
        legal_entities=entities,
        closed_until=closed_until if role is Role.ERP else None,
        journal_file=None if journal_dir is None else journal_dir / f"{role}.jsonl",
    )


def _currencies(policy: Path | None) -> Mapping[str, str] | None:
    """Legal entity -> its currency."""
    if policy is None:
        return None
    return {code: entity.currency for code, entity in read_policy(policy).legal_entities.items()}


def _announce(urls: Mapping[str, str]) -> None:
    for name, url in urls.items():
        click.echo(f"{name} {url}")
