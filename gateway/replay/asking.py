"""What a system that was restored has lost: asked for each command that it had confirmed, by our reference.

What is gone would be sent again, in its order. A key stops at the first command of which nobody can tell that, and at
one that is gone though its system has a later one of the same kind: that is no loss of all since a moment. A system is
asked at half of the rate that the policy gives it, as live commands need theirs, and no more once it has fallen silent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final, assert_never

from adapters.ports.replays import Asked, Kind, Outlook, Prediction, Relied, Sent, Total
from adapters.ports.system import Absent, System, UnknownOperation
from schemas.commands import Command, Confirmed, Deferred, Unknown
from schemas.keys import ActorKey
from schemas.operations.money import money_of
from schemas.verdicts import FailureClass, Verdict

AT_ONCE: Final = 8
"""Questions under way."""
SILENT: Final = 3 * AT_ONCE
"""So many questions in a row without an answer, and the rest is not asked: each might wait for its whole time-out."""
SHARE: Final = 0.5
"""Of a system's rate."""
SILENCE: Final = frozenset(
    {FailureClass.UNAVAILABLE, FailureClass.TIMEOUT, FailureClass.RATE_LIMITED, FailureClass.AUTH}
)
"""Failures that say nothing of the command that was asked for."""
NO_RATES: Final[Mapping[str, float | None]] = {}
NOT_KEPT, UNASKABLE, UNANSWERED, OVERTAKEN = "not_kept", "unaskable", "unanswered", "overtaken"


class Asking:
    """The predictions of one plan in mode `sent`, in the making. `systems` and their rates a second by name."""

    def __init__(self, systems: Mapping[str, System], rates: Mapping[str, float | None] = NO_RATES) -> None:
        self._systems = systems
        self._rates = rates
        self._known: dict[int, Prediction] = {}
        self._silent = 0
        """Questions in a row that had no answer."""
        self._free_at = 0.0
        """When the next question may be asked, by the loop's clock; a plan is of one system."""

    async def predict(self, page: Sequence[Sent]) -> tuple[dict[int, Prediction], list[Relied]]:
        """The predictions of whole keys: applied, if it would be sent again; ignored, if it is there."""
        room = asyncio.Semaphore(AT_ONCE)

        async def asked(sent: Sent) -> Prediction:
            async with room:
                return await self._asked(sent)

        answers = await asyncio.gather(*map(asked, page))
        found: dict[int, Prediction] = {}
        for _, lane in groupby(zip(page, answers, strict=True), key=lambda each: each[0].command.key):
            found |= _in_order(list(lane))
        self._known |= found
        return found, []

    def woken(self) -> set[ActorKey]:
        """Nothing that a system has said changes what it says of another command."""
        return set()

    def outlook(self) -> Outlook:
        """What all of it comes to."""
        totals: dict[Kind, Total] = {}
        for prediction in self._known.values():
            for asked in prediction.commands:
                kind = Kind(asked.system, asked.operation, asked.currency)
                before = totals.get(kind, Total(0, Decimal(0)))
                totals[kind] = Total(before.count + 1, before.amount + (asked.amount or 0))
        verdicts = Counter(prediction.verdict for prediction in self._known.values())
        codes = Counter(prediction.code for prediction in self._known.values() if prediction.code is not None)
        return Outlook(dict(verdicts), dict(codes), totals)

    async def _asked(self, sent: Sent) -> Prediction:
        command, system = sent.command, self._systems.get(sent.command.system)
        if not sent.is_kept:
            return _stopped(NOT_KEPT, "what it said is not kept any more: look for it in the system")
        try:
            if system is None or not system.capability(command.operation).look_up:
                return _stopped(UNASKABLE, "the system cannot be asked for it by our reference: look for it there")
        except UnknownOperation as error:
            return _stopped(UNASKABLE, f"{error}: add it to the policy file")
        if self._silent >= SILENT:
            return _stopped(UNANSWERED, "the system has fallen silent, and was not asked: plan again once it answers")
        await self._turn(system.name)
        found = await system.look_up(command)
        is_silent = isinstance(found, Deferred | Unknown) and found.failure.failure_class in SILENCE
        self._silent = self._silent + 1 if is_silent else 0
        match found:
            case Confirmed(external_id):
                return Prediction(Verdict.IGNORED, "the system has it" + (f" as {external_id}" if external_id else ""))
            case Absent():
                return Prediction(Verdict.APPLIED, "the system does not have it", commands=_told(command))
            case Deferred(failure) | Unknown(failure):
                return _stopped(UNANSWERED, f"the system did not say whether it has it: {failure.reason}: plan again")
            case never:
                assert_never(never)

    async def _turn(self, name: str) -> None:
        """Wait until the system's rate lets one more be asked."""
        rate = self._rates.get(name)
        if rate is not None:
            now = asyncio.get_running_loop().time()
            begins = max(now, self._free_at)
            self._free_at = begins + 1 / (SHARE * rate)
            await asyncio.sleep(begins - now)


def _in_order(lane: Sequence[tuple[Sent, Prediction]]) -> dict[int, Prediction]:
    """The predictions of one key: what stands behind one that is not known stays where it is, too."""
    last = {sent.command.operation: sent for sent, each in lane if each.verdict is Verdict.IGNORED}
    found: dict[int, Prediction] = {}
    stopped_by: Command | None = None
    for sent, prediction in lane:
        later, told = last.get(sent.command.operation), prediction
        if prediction.verdict is not Verdict.IGNORED and stopped_by is not None:
            told = Prediction(Verdict.QUEUED, f"it would be sent behind {stopped_by.reference}, which is not")
        elif prediction.verdict is Verdict.APPLIED and later is not None and later.number > sent.number:
            reason = f"the system has {later.command.reference}, which came after it: look there which is right"
            told = _stopped(OVERTAKEN, reason)
        if told.verdict is Verdict.PARKED:
            stopped_by = sent.command
        found[sent.number] = told
    return found


def _stopped(code: str, reason: str) -> Prediction:
    return Prediction(Verdict.PARKED, reason, code)


def _told(command: Command) -> tuple[Asked, ...]:
    named = (command.system, command.operation, command.reference)
    money = money_of(command.body)
    return tuple(Asked(*named, amount, currency) for currency, amount in money.items()) or (Asked(*named),)
