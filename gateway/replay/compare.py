"""What became of a message, beside what was predicted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from adapters.ports.replays import Fate, Landed, Outcome, Progress, Replay
from schemas.verdicts import Verdict

FAILED: Final = frozenset({Verdict.PARKED, Verdict.REJECTED})
ENDED_BY_OTHERS: Final = frozenset({Verdict.SUPERSEDED, Verdict.DISCARDED})
"""A newer event, or a person, was quicker."""
ID_CHANGED: Final = "id_changed"
"""Code of what was sent again, and is there under another id of the system's now."""
LISTED: Final = 5
"""Keys that a reason names."""


def fate(landed: Landed, *, same_policy: bool) -> Fate:
    """The outcome of a message, with why it is none that was planned."""
    outcome, why = _outcome(landed, same_policy=same_policy)
    reason = "; ".join(part for part in (why, landed.reason) if part)
    return Fate(landed.number, outcome, landed.verdict, landed.code, reason or None)


def overtaken(replay: Replay, policy: str | None) -> str:
    """What to do about a replay while `policy` is in force, under which it was neither planned nor resumed."""
    return (
        f"policy {policy} is in force, and its plan was made under {replay.policy}, so it does not say what the"
        f" {replay.left} messages that are left would do: cancel it and plan anew, or resume it knowing that, with"
        f" `policy` {policy} (--policy)"
    )


def failed(landed: Landed) -> bool:
    """Whether it stands parked or was rejected, and was not predicted to."""
    return landed.verdict in FAILED and landed.why is None and landed.predicted is not landed.verdict


def counted(progress: Progress, landed: Sequence[Landed], fates: Sequence[Fate]) -> Progress:
    """The counts with these messages."""
    outcomes = Counter(progress.outcomes) + Counter(each.outcome for each in fates)
    return replace(
        progress,
        settled=progress.settled + len(fates),
        failed=progress.failed + sum(map(failed, landed)),
        outcomes=dict(outcomes),
    )


def _outcome(landed: Landed, *, same_policy: bool) -> tuple[Outcome, str | None]:
    if landed.why is not None:
        return Outcome.CHANGED, landed.why
    if landed.verdict is None or landed.predicted is None:
        return Outcome.CHANGED, "it was not there any more"
    # Of what does not fail a case may say how long it waits; of what fails it says why.
    tells = landed.verdict in FAILED or landed.code == ID_CHANGED
    is_same_code = not tells or landed.code == landed.predicted_code
    if landed.verdict is landed.predicted and is_same_code:
        return Outcome.AS_PLANNED, None
    if landed.verdict in ENDED_BY_OTHERS:
        return Outcome.CHANGED, f"it was {landed.verdict} meanwhile"
    if not same_policy:
        return Outcome.MOVED, f"{landed.predicted} was predicted under another policy"
    if landed.moved:
        return Outcome.MOVED, f"{landed.predicted} was predicted before {_listed(landed.moved)} changed"
    return Outcome.OTHERWISE, f"{landed.predicted} was predicted"


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - LISTED
    return ", ".join(keys[:LISTED]) + (f" and {more} more" if more > 0 else "")
