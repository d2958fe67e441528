"""`tallystick caller`: those who may ask the API, with names and roles, in the file of callers."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

import click
import yaml
from pydantic import ValidationError

from gateway.callers import CALLERS_FILE, Bundle, CallerEntry, Permission, digest, parse_callers, read_callers
from gateway.cli.options import no_dry_run, rows_option
from gateway.cli.output import show_rows
from gateway.exits import Exit, Failed

TOKEN_BYTES: Final = 32
COLUMNS: Final = ("name", "permissions", "roles", "entities", "legal_entities", "token")


def _file(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    path = value or os.environ.get(CALLERS_FILE)
    if not path:
        raise click.UsageError(f"give --file, or set {CALLERS_FILE}")
    return Path(path)


_file_option = click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_file,
    help=f"The file of callers.  [default: {CALLERS_FILE}]",
)


@click.group()
def caller() -> None:
    """Add and list those who may ask the API. The gateway reads the file when it starts."""


@caller.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="Whose cases NAME may settle; give it once for each role.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    type=click.Choice([each.value for each in (*Permission, *Bundle)]),
    help="What NAME may see and do, or a bundle of that; give it once for each.  [default: read, settle]",
)
@click.option("--entity", "entities", multiple=True, help="What NAME reaches, such as timesheet.  [default: all]")
@click.option("--legal-entity", "legal_entities", multiple=True, help="Whose NAME reaches.  [default: all]")
@_file_option
@no_dry_run
def add(
    name: str, roles: tuple[str, ...], permissions: tuple[str, ...], entities: tuple[str, ...],
    legal_entities: tuple[str, ...], file: Path,
) -> None:  # fmt: skip
    """Add NAME to the file, and print the token, once: only its digest is kept.

    For an employee NAME is the id of the employee, so that nobody approves what he has asked for himself.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    entry: dict[str, object] = {
        "name": name,
        "token_sha256": digest(token.encode()).hex(),
        "permissions": list(permissions) or [Permission.READ.value, Permission.SETTLE.value],
        "roles": list(roles),
    }
    reach = {"entities": entities, "legal_entities": legal_entities}
    entry |= {name: list(some) for name, some in reach.items() if some}
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    _check(entry, before, file)
    added = yaml.safe_dump([entry], allow_unicode=True, default_flow_style=False, sort_keys=False)
    after = f"{before.rstrip()}\n{added}" if before.strip() else added
    # Appended, so that comments stay; read again as a whole before it takes the old one's place.
    parse_callers(after, str(file))
    _replace(file, after)
    click.echo(token)
    click.echo(f"{name} stands in {file}. Restart the gateway; the token is not shown again.", err=True)


@caller.command("list")
@_file_option
@rows_option
def list_(file: Path, output: str) -> None:
    """List the callers of the file."""
    entries = read_callers(file)
    items: list[dict[str, object]] = [
        {
            "name": entry.name, "permissions": list(entry.permissions), "roles": list(entry.roles),
            "entities": entry.entities, "legal_entities": entry.legal_entities,
        }
        for entry in entries
    ]  # fmt: skip
    rows = [
        [
            entry.name, ", ".join(entry.permissions), ", ".join(entry.roles), _reach(entry.entities),
            _reach(entry.legal_entities), f"{entry.token_sha256[:8]}…",
        ]
        for entry in entries
    ]  # fmt: skip
    show_rows(output, items, COLUMNS, rows)


def _reach(some: tuple[str, ...] | None) -> str:
    return "all" if some is None else ", ".join(some) or "none"


def _check(entry: dict[str, object], before: str, file: Path) -> None:
    try:
        CallerEntry.model_validate(entry)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        raise click.UsageError("; ".join(f"{mistake['loc'][0]}: {mistake['msg']}" for mistake in wrong)) from error
    if any(other.name == entry["name"] for other in parse_callers(before, str(file))):
        raise Failed(Exit.CONFLICT, f"{file}: {entry['name']} is there already: remove that entry first")


def _replace(file: Path, text: str) -> None:
    """As a whole or not at all, with the owner and mode that it had; a new one is its owner's alone.

    Whoever may write into the folder can neither guess the name that is written under, nor put a link there.
    """
    place = file.resolve()
    before = place.stat() if place.exists() else None
    beside = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            if before is not None:
                _keep(opened.fileno(), before, file)
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _keep(descriptor: int, before: os.stat_result, file: Path) -> None:
    """Give the new file the owner and the mode of the old one. Raises `Failed`."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError as error:
            whose = f"user {before.st_uid} and group {before.st_gid}"
            raise Failed(Exit.FAILED, f"{file}: it belongs to {whose}: run this as that user, or as root") from error
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
