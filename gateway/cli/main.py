"""The program `tallystick`: the table of its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from types import MappingProxyType
from typing import Any, Final

import click

from gateway.cli.options import dry_run_option, rows_option
from gateway.exits import Failed, explain
from gateway.garbage import nothing_collected


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is defined, and its line in the overview."""

    module: str
    name: str
    summary: str


COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "serve": Entry("gateway.cli.serve", "serve", "Run the gateway until it is told to stop."),
        "demo": Entry("gateway.cli.demo", "demo", "Play a quarter of a firm on real parts, and prove the totals."),
        "doctor": Entry("gateway.cli.doctor", "doctor", "Check the whole set-up, and say what to change."),
        "status": Entry("gateway.cli.status", "status", "Show whether the gateway is ready, and what stands open."),
        "top": Entry("gateway.cli.top", "top", "Watch how the gateway stands."),
        "me": Entry("gateway.cli.status", "me", "Show who you are by your token, and what you may do."),
        "sandbox": Entry("gateway.cli.sandbox", "sandbox", "Run a sandbox CRM, PSA, and ERP."),
        "publish": Entry("gateway.cli.publish", "publish", "Publish events from files to RabbitMQ."),
        "read": Entry("gateway.cli.read", "read", "Publish what changes in a system, until told to stop."),
        "event": Entry("gateway.cli.event", "event", "Show and check events."),
        "message": Entry("gateway.cli.message", "message", "Show messages, correct one, or let one run again."),
        "lane": Entry("gateway.cli.lane", "lane", "Show and mend lanes: what stands still of a key."),
        "pause": Entry("gateway.cli.pause", "pause", "Pause keys, entities, or everything, and end that."),
        "dead-letter": Entry(
            "gateway.cli.dead_letter", "dead_letter", "Show, retry, and discard what became no message."
        ),
        "entity": Entry("gateway.cli.entity", "entity", "Show one entity: its state and what happened to it."),
        "case": Entry("gateway.cli.case", "case", "Show and settle what a person must decide."),
        "kpi": Entry("gateway.cli.kpi", "kpi", "Show what the business sees, and count it anew."),
        "audit": Entry("gateway.cli.audit", "audit", "Show what operators did, and find tampering."),
        "approval": Entry("gateway.cli.approval", "approval", "Allow what is so large that it needs two."),
        "caller": Entry("gateway.cli.caller", "caller", "Add and list those who may ask the API."),
        "apikey": Entry("gateway.cli.apikey", "apikey", "Make, list, and revoke keys of programs."),
        "system": Entry("gateway.cli.system", "system", "Show systems, try one, and stop what is sent to it."),
        "binding": Entry("gateway.cli.binding", "binding", "List, export, and import other systems' ids."),
        "recon": Entry("gateway.cli.recon", "recon", "Compare a system's books with what we hold."),
        "replay": Entry("gateway.cli.replay", "replay", "Let messages that stand still go on, by a plan."),
        "policy": Entry("gateway.cli.policy", "policy", "Check the policy file, and show its schema."),
        "mapping": Entry("gateway.cli.mapping", "mapping", "Show which policies were in force, change, preview."),
        "completion": Entry("gateway.cli.completion", "completion", "Print the completion of a shell."),
        "docs": Entry("gateway.cli.docs", "docs", "Print the description of the API and of events, and the runbook."),
        "db": Entry("gateway.cli.db", "db", "Bring the database's schema up to date."),
        "restore": Entry("gateway.cli.restore", "restore", "Go on after the database was restored."),
        "topology": Entry("gateway.cli.topology", "topology", "Show and declare what stands in RabbitMQ."),
    }
)


class Commands(click.Group):
    """The group of all commands. A command's module is imported when it is called, so that help is there at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        with nothing_collected():
            command: click.Command = getattr(import_module(entry.module), entry.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own type for what a command answers
        """Run a command; known errors become one plain message and an exit code, others stay the traceback they are."""
        _quieten(logging.getLogger("aiormq"))
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Failed as failed:
            click.echo(f"tallystick: {failed}", err=True)
            ctx.exit(failed.code)
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            click.echo(f"tallystick: {explained}", err=True)
            ctx.exit(explained.code)


def _quieten(logger: logging.Logger) -> None:
    """Let a library raise what it has to say, and not print it as well."""
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def release(_ctx: click.Context) -> str:
    """What `--version` prints."""
    try:
        return f"tallystick {metadata.version('tallystick')}"
    except metadata.PackageNotFoundError:
        return "tallystick, run from its source"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.custom_version_option(release)
@rows_option
@dry_run_option
def main(output: str, *, dry_run: bool) -> None:
    """Keeps CRM, PSA, and ERP in agreement: every business event applied once, in order, and accounted for.

    Exit codes: 0 ok, 1 failed, 2 wrong usage or settings, 3 not found, 4 credentials refused, 5 conflict,
    6 unreachable, 7 unhealthy, 8 under way.
    """
