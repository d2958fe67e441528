"""The preview as it is shown: counts and money side by side, and the keys that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import click

from gateway.cli.output import show_json, show_table
from gateway.cli.preview.played import Difference, Kind, Played, Total, both

DIFFERS: Final = "*"


def show_preview(
    now: Played, then: Played, differing: Sequence[Difference], hashes: tuple[str, str], most: int
) -> None:
    """Tables for people; a mark stands where the two differ."""
    active, other = hashes
    endings = [
        (ending.verdict.value, ending.code, f"{now.endings[ending]:,}", f"{then.endings[ending]:,}",
         DIFFERS if now.endings[ending] != then.endings[ending] else "")
        for ending in sorted(now.endings.keys() | then.endings.keys())
    ]  # fmt: skip
    show_table(["message ends", "code", f"now ({active})", f"then ({other})", ""], endings)
    click.echo()
    asked = [
        (*kind, f"{a.count:,}", f"{b.count:,}", _money(kind, a), _money(kind, b), DIFFERS if a != b else "")
        for kind, a, b in both(now.commands, then.commands)
    ]
    show_table(["system", "operation", "currency", "now", "then", "money now", "money then", ""], asked)
    click.echo(f"\n{len(differing):,} of {len(now.keys.keys() | then.keys.keys()):,} keys differ.")
    for each in differing[:most]:
        click.echo(f"\n{each.key}")
        for mark, lines in (("now ", each.now), ("then", each.then)):
            for line in lines:
                click.echo(f"  {mark}  {line}")
    if len(differing) > most:
        click.echo(f"\n{len(differing) - most:,} more: see them with --show {len(differing)}")


def show_preview_json(
    now: Played,
    then: Played,
    differing: Sequence[Difference],
    hashes: tuple[str, str],
    most: int,
    unseen: Sequence[str],
) -> None:
    """Everything, for programs; `differing` up to as many as are shown, `unseen`: what differs and cannot be played."""
    show_json(
        {
            "now": _json(hashes[0], now),
            "then": _json(hashes[1], then),
            "differing": len(differing),
            "unseen": unseen,
            "keys": [
                {"entity": each.key.entity, "key": each.key.id, "now": each.now, "then": each.then}
                for each in differing[:most]
            ],
        }
    )


def _json(policy: str, played: Played) -> Mapping[str, object]:
    return {
        "policy": policy,
        "messages": [
            {"verdict": ending.verdict, "code": ending.code or None, "count": count}
            for ending, count in sorted(played.endings.items())
        ],
        "commands": [
            {"system": kind.system, "operation": kind.operation, "count": total.count,
             "money": {"amount": f"{total.money:f}", "currency": kind.currency} if kind.currency else None}
            for kind, total in sorted(played.commands.items())
        ],
    }  # fmt: skip


def _money(kind: Kind, total: Total) -> str:
    return f"{total.money:,f}" if kind.currency else ""
