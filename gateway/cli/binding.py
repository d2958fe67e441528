"""`tallystick binding`: which id of another system means which key of ours; listed, exported, and imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from gateway.bindings.rows import Form, Numbered, Row, RowsInvalid, read_rows, write_csv, write_json_lines
from gateway.cli.options import JSON, output_option, rows_option
from gateway.cli.output import show_json, show_rows, show_table
from gateway.cli.remote import Remote, remote, remote_options
from gateway.exits import Exit, Failed

BINDINGS: Final = "/v1/bindings"
IMPORT: Final = "/v1/bindings/import"
COLUMNS: Final = ("entity", "key", "system", "kind", "external_id", "legal_entities")
REPORT: Final = ("line", "match", "entity", "key", "system", "external_id", "legal_entity", "detail")
EVERYTHING: Final = 10_000_000
ROUNDS: Final = 200
"""So often an import is gone on with, each time with what is left; each round has to get further."""

_FORM = click.option(
    "--format", "form", type=click.Choice([each.value for each in Form]), help="csv or jsonl.  [default: by the name]"
)


@click.group()
def binding() -> None:
    """List, export, and import other systems' ids.

    Asks a gateway that runs, by its API.
    """


def _filters(command: Any) -> Any:  # noqa: ANN401 - click's decorators erase the type
    for name, meaning in (
        ("external-id", "The system's own id."), ("key", "Our id."), ("entity", "Such as customer."),
        ("kind", "The kind of record there."), ("system", "Its name in the policy file."),
    ):  # fmt: skip
        command = click.option(f"--{name}", metavar="TEXT", help=meaning)(command)
    return command


@binding.command("list")
@_filters
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="How many are shown.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, output: str, most: int, **chosen: str | None) -> None:
    """Show bindings, by system, kind, and id."""
    items = remote(url, token_file).all(BINDINGS, most, **chosen)
    show_rows(output, items, COLUMNS, [[_cell(item[column]) for column in COLUMNS] for item in items])


@binding.command()
@_filters
@_FORM
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@remote_options
def export(url: str | None, token_file: Path | None, file: str, form: str | None, **chosen: str | None) -> None:
    """Write bindings to FILE, or to standard output, as `import` reads them."""
    items = remote(url, token_file).all(BINDINGS, EVERYTHING, **chosen)
    rows = [row for item in items for row in _rows_of(item)]
    text = write_csv(rows, header=True) if _form(file, form) is Form.CSV else write_json_lines(rows)
    with click.open_file(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    if file != "-":
        click.echo(f"{len(rows):,} bindings written to {file}.")


@binding.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_FORM
@click.option("--dry-run", is_flag=True, help="Only the match report.")
@click.option("--skip-conflicts", is_flag=True, help="Import what is new even if other rows are in conflict.")
@click.option("--unknown-keys", is_flag=True, help="Import ids of keys that nothing was heard of yet.")
@click.option("--reason", default="", help="Why; kept in the audit. Needed unless --dry-run.")
@remote_options
@output_option
def import_(  # noqa: PLR0913 - click hands over every option
    url: str | None, token_file: Path | None, output: str, file: str, form: str | None, reason: str,
    *, dry_run: bool, skip_conflicts: bool, unknown_keys: bool,
) -> None:  # fmt: skip
    """Import FILE: a match report first, then what is new.

    Columns: entity, key, system, kind, external_id, legal_entity; kind and legal_entity may be left out. With a
    conflict nothing is imported, unless --skip-conflicts.

    Ends with 5 if there are conflicts, and with 1 if something is left.
    """
    if not (reason or dry_run):
        raise click.UsageError("give --reason: it is kept in the audit")
    rows = _read(file, form)
    api = remote(url, token_file)
    asked: dict[str, object] = {"reason": reason or "match report", "unknown_keys": unknown_keys}
    report = _sent(api, rows, asked | {"dry_run": True})
    conflicts = len(report["conflicts"])
    if dry_run or (conflicts and not skip_conflicts):
        _show(report, [], output)
        if conflicts:
            raise Failed(
                Exit.CONFLICT, f"{conflicts} rows are in conflict{'' if dry_run else '; nothing was imported'}"
            )
        return
    left = _import(api, rows, asked | {"skip_conflicts": skip_conflicts})
    _show(report, left, output)
    if left:
        raise Failed(
            Exit.FAILED, f"{len(left)} rows are not imported: look at the lanes and the timelines of their keys"
        )


def _import(api: Remote, rows: Sequence[Numbered], asked: Mapping[str, object]) -> list[dict[str, Any]]:
    """Import, and go on for as long as each round gets further; the rows that are left."""
    before = len(rows) + 1
    left: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        left = _sent(api, rows, asked)["left"]
        if not left or len(left) >= before:
            break
        before = len(left)
    return left


def _sent(api: Remote, rows: Sequence[Numbered], asked: Mapping[str, object]) -> dict[str, Any]:
    items = [{"line": each.line, **each.row.model_dump(exclude_none=True)} for each in rows]
    answer: dict[str, Any] = api.send("POST", IMPORT, {**asked, "rows": items}).content
    return answer


def _read(file: str, form: str | None) -> list[Numbered]:
    """Raises `Failed` with every mistake and its line."""
    with click.open_file(file, "rb") as stream:
        content = stream.read()
    try:
        return read_rows(content, _form(file, form))
    except RowsInvalid as error:
        raise Failed(Exit.FAILED, "\n".join(f"{file}: {mistake}" for mistake in error.mistakes)) from error


def _form(file: str, form: str | None) -> Form:
    if form is not None:
        return Form(form)
    return Form.JSONL if file.endswith((".jsonl", ".ndjson")) else Form.CSV


def _rows_of(item: Mapping[str, Any]) -> list[Row]:
    """A row for each legal entity that has the id."""
    named: list[str | None] = item["legal_entities"] or [None]
    same = {name: item[name] for name in ("entity", "key", "system", "kind", "external_id")}
    return [Row(**same, legal_entity=each) for each in named]


def _show(report: Mapping[str, Any], left: Sequence[Mapping[str, Any]], output: str) -> None:
    if output == JSON:
        show_json({**report, "left": left})
        return
    told = [*report["conflicts"], *left]
    if told:
        show_table(REPORT, [[_cell(item[column]) for column in REPORT] for item in told])
    click.echo(", ".join(f"{count:,} {kind}" for kind, count in report["counts"].items()))


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
