"""`tallystick case`: what a person must settle, and settling it, over the API of a gateway that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import click

from gateway.cli.case_shown import GROUPS, LIST, age_of, money_of, row_of, show_case
from gateway.cli.options import JSON, output_option, read_changes, rows_option
from gateway.cli.output import show_json, show_rows
from gateway.cli.remote import Remote, remote, remote_options
from gateway.exits import Exit, Failed
from schemas.acts import Act
from schemas.verdicts import FailureClass

MOST: Final = 100_000

F = TypeVar("F", bound=Callable[..., Any])
"""A function that becomes a command; click hands over its arguments by name."""


@click.group()
def case() -> None:
    """Show and settle cases: approvals, and whatever a person must decide.

    Asks the API of a gateway that runs. Each act names its reason, which is kept.
    """


def _filters(command: F) -> F:
    """Add what a list can be narrowed by."""
    for option in (
        click.option("--fingerprint", help="Of one cause, as `groups` shows it."),
        click.option("--key", help="Of one key."),
        click.option("--entity", help="Of one entity, such as customer."),
        click.option("--assignee", help="Taken by somebody."),
        click.option("--owner", help="Of one role."),
        click.option("--class", "class_", type=click.Choice([kind.value for kind in FailureClass])),
        click.option("--state", type=click.Choice(["open", "closed"]), default="open", show_default=True),
    ):
        command = option(command)
    return command


@case.command("list")
@_filters
@click.option("--most", type=click.IntRange(1, MOST), default=500, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def list_(url: str | None, token_file: Path | None, most: int, output: str, **asked: str | None) -> None:
    """List cases, the oldest first."""
    items = remote(url, token_file).all("/v1/cases", most, **asked)
    show_rows(output, items, LIST, [row_of(item) for item in items])


@case.command()
@_filters
@click.option("--most", type=click.IntRange(1, MOST), default=500, show_default=True, help="How many, at most.")
@remote_options
@rows_option
def groups(url: str | None, token_file: Path | None, most: int, output: str, **asked: str | None) -> None:
    """Group cases by their cause, the largest group first."""
    found = remote(url, token_file).all("/v1/cases", MOST, group="true", **asked)
    items = found[:most]
    rows = [
        [item["fingerprint"], item["failure_class"], item["code"], item["field"] or "", item["system"] or "",
         item["owner"], str(item["cases"]), money_of(item["money"]), age_of(item["oldest"]), item["reason"]]
        for item in items
    ]  # fmt: skip
    show_rows(output, items, GROUPS, rows)
    if len(found) > most:
        click.echo(f"Not shown: {len(found) - most} of {len(found)} groups; --most {len(found)} shows all.", err=True)


@case.command()
@click.argument("id", type=click.IntRange(min=1))
@remote_options
@output_option
def show(id: int, url: str | None, token_file: Path | None, output: str) -> None:
    """Show case ID: its cause, how to mend it, and what can be done about it."""
    told = remote(url, token_file).get(f"/v1/cases/{id}").content
    if output == JSON:
        show_json(told)
    else:
        show_case(told)


@case.command()
@click.argument("id", type=click.IntRange(min=1))
@click.argument("name", required=False)
@click.option("--nobody", is_flag=True, help="Give it back.")
@remote_options
@output_option
def assign(id: int, name: str | None, nobody: bool, url: str | None, token_file: Path | None, output: str) -> None:  # noqa: FBT001 - click hands flags over by name
    """Give case ID to NAME."""
    if (name is None) != nobody:
        raise click.UsageError("name who takes it, or give --nobody")
    _edit(remote(url, token_file), id, {"assignee": name}, output)


@case.command()
@click.argument("id", type=click.IntRange(min=1))
@click.argument("text")
@remote_options
@output_option
def note(id: int, text: str, url: str | None, token_file: Path | None, output: str) -> None:
    """Write TEXT beside case ID."""
    _edit(remote(url, token_file), id, {"note": text}, output)


def _must_have_seen(_context: click.Context, _option: click.Parameter, version: int | None) -> int:
    """The version, which must be given. Raises `UsageError` that says where it is shown."""
    if version is None:
        raise click.UsageError("give --if-version, as `tallystick case show` shows it of the case that you decide on")
    return version


def _version_option(*, required: bool) -> Callable[[F], F]:
    """`--if-version`."""
    told = "Only if the case still has the version that `show` showed you; else nothing is done."
    return click.option(
        "--if-version",
        "version",
        type=click.IntRange(min=1),
        callback=_must_have_seen if required else None,
        metavar="N",
        help=f"{told}  [required]" if required else told,
    )


def _act_options(command: F) -> F:
    """Add the case, `--reason`, and `--click`."""
    click_option = click.option(
        "--click", "key", metavar="KEY", help="Your own key of this act: the same one again does nothing more."
    )
    reason = click.option("--reason", required=True, help="Why; kept in the audit.")
    return click.argument("id", type=click.IntRange(min=1))(
        reason(click_option(remote_options(output_option(command))))
    )


@case.command()
@_version_option(required=True)
@_act_options
def approve(id: int, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """Approve what case ID asks for."""
    _act(Act.APPROVE, id, **given)


@case.command()
@_version_option(required=True)
@_act_options
def reject(id: int, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """Reject what case ID asks for."""
    _act(Act.REJECT, id, **given)


@case.command()
@_version_option(required=False)
@_act_options
def retry(id: int, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """Let what case ID is about run again."""
    _act(Act.RETRY, id, **given)


@case.command("edit-retry")
@click.option("--changes", required=True, metavar="JSON", help='The corrected fields, such as {"tax_profile": "de"}.')
@_version_option(required=True)
@_act_options
def edit_retry(id: int, changes: str, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """Correct what case ID is about, and let it run again."""
    _act(Act.EDIT_RETRY, id, changes=read_changes(changes), **given)


@case.command()
@click.option("--changes", metavar="JSON", help='Of a duplicate, which customer stays: {"into": "C-9"}.')
@_version_option(required=True)
@_act_options
def cancel(id: int, changes: str | None, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """End what case ID is about."""
    _act(Act.CANCEL, id, changes=None if changes is None else read_changes(changes), **given)


@case.command()
@_version_option(required=False)
@_act_options
def resolve(id: int, **given: Any) -> None:  # noqa: ANN401 - click hands over the options of every act
    """Close case ID, about which nothing is left to do."""
    _act(Act.RESOLVE, id, **given)


@case.command()
@click.argument("id", type=click.IntRange(min=1))
@click.option("--done", "outcome", flag_value="done", help="The system has the effect.")
@click.option(
    "--not-done", "outcome", flag_value="not_done", help="It has not, and nothing that was sent can still arrive there."
)
@click.option("--external-id", metavar="ID", help="With --done: the system's own id of what was made, if it gave one.")
@click.option("--reason", required=True, help="How you know; kept in the audit.")
@_version_option(required=True)
@remote_options
@output_option
def settle(
    id: int, outcome: str | None, external_id: str | None, reason: str, version: int, url: str | None,
    token_file: Path | None, output: str,
) -> None:  # fmt: skip
    """Say what became of the command of case ID as `show` showed it, after a look into its system.

    --done counts as if the system had confirmed it. --not-done sends it again under a new generation, so say it only
    when nothing that was sent before can still arrive: both would count.
    """
    if outcome is None:
        raise click.UsageError("say what you have found: --done, or --not-done")
    if external_id is not None and outcome != "done":
        raise click.UsageError("give --external-id with --done only")
    body = {"reason": reason, "outcome": outcome} | ({} if external_id is None else {"external_id": external_id})
    told = remote(url, token_file).send("POST", f"/v1/cases/{id}/settle", body, If_Match=_tag(version)).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Case {id}, settle: {told['told']}.")


def _tag(version: int | None) -> str | None:
    """The `If-Match` of a version."""
    return None if version is None else f'"{version}"'


def _act(  # noqa: PLR0913 - one for each option
    act: Act,
    id: int,
    *,
    reason: str,
    key: str | None,
    version: int | None,
    url: str | None,
    token_file: Path | None,
    output: str,
    changes: Mapping[str, object] | None = None,
) -> None:
    """One act, under a key of its own, so that nothing between us and the gateway can do it twice.

    Raises `Failed` when nobody knows yet what comes of it; `case show` says so once it has ended.
    """
    body = {"reason": reason} if changes is None else {"reason": reason, "changes": changes}
    key = key or uuid4().hex
    headers = {"Idempotency_Key": key, "If_Match": _tag(version)}
    told = remote(url, token_file).send("POST", f"/v1/cases/{id}/{act}", body, **headers).content
    is_done = told["done"] is not None
    if output == JSON:
        show_json({**told, "click": key})
    elif is_done:
        click.echo(f"Case {id}, {act}: {told['told']}.")
    if not is_done:
        raise Failed(Exit.UNDER_WAY, f"case {id}, {act}: {told['told']}: the same command with --click {key}")


def _edit(api: Remote, id: int, change: Mapping[str, object], output: str) -> None:
    """A change of the case as it is now."""
    seen = api.get(f"/v1/cases/{id}")
    told = api.send("PATCH", f"/v1/cases/{id}", change, If_Match=seen.etag).content
    if output == JSON:
        show_json(told)
    else:
        click.echo(f"Case {id}: {'noted' if 'note' in change else told['case']['assignee'] or 'nobody'}.")
