"""One step of a leased command: send it, look it up, or see that it is settled; and how the step is recorded."""

from __future__ import annotations

from typing import Final, assert_never

from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.system import Absent, Capability, System, UnknownOperation
from gateway.settlement import GiveUp, LookUp, Send, Settle, after_absent, loose_of, next_step
from schemas.commands import Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

LONGEST_HOLD: Final = 12
"""After how many times the delay an attempt without an answer is followed by another, at most."""

Stepped = tuple[Outcome, Ended]
"""What a step came to, and its record; without a hold the outcome is final and goes to the actor."""


class Attempts:
    """Steps at one system. `retry_after` is the delay in seconds before the next step where the system named none."""

    def __init__(self, system: System, retry_after: float) -> None:
        self.system = system.name
        self._system = system
        self._retry_after = retry_after

    async def step(self, leased: Leased) -> Stepped:
        """Take the next step of `leased`; never raises."""
        try:
            capability = self._system.capability(leased.command.operation)
            return await self._take(leased, capability, next_step(capability, leased.earlier))
        except UnknownOperation as error:
            failure = Failure(FailureClass.MAPPING, "operation_unknown", f"{error}: add it to the policy file")
            return Unknown(failure), ended(leased, Ending.UNSENT, failure)
        except Exception as error:  # noqa: BLE001  # an adapter broke its promise: nobody knows what it has sent
            failure = Failure(FailureClass.INTERNAL, "adapter_raised", f"{self.system}: {type(error).__name__}")
            return Unknown(failure), ended(leased, Ending.UNKNOWN, failure, hold=self._retry_after)

    async def _take(self, leased: Leased, capability: Capability, step: Send | LookUp | Settle | GiveUp) -> Stepped:
        match step:
            case Send():
                return self._sent(leased, await self._system.send(leased.command))
            case LookUp():
                return await self._looked_up(leased, capability, step)
            case Settle(outcome):
                return outcome, ended(leased, Ending.UNSENT)
            case GiveUp(failure):
                # It stays in the log among the unknown: a person was asked here, and retries are counted anew.
                return Unknown(failure), ended(leased, Ending.UNKNOWN, failure)
            case _:
                assert_never(step)

    async def _looked_up(self, leased: Leased, capability: Capability, step: LookUp) -> Stepped:
        found = await self._system.look_up(leased.command)
        match found:
            case Confirmed(external_id):
                return found, ended(leased, Ending.CONFIRMED, external_id=external_id)
            case Unknown(failure):
                return found, ended(leased, Ending.UNSENT, failure, hold=self._retry_after)
            case Absent():
                settled = after_absent(leased.earlier, step)
                if isinstance(settled, Settle):
                    return settled.outcome, ended(leased, Ending.ABSENT)
                if settled is not None:
                    return await self._take(leased, capability, settled)
                failure = Failure(FailureClass.UNKNOWN_OUTCOME, "absent_so_far", "asked again when it can count")
                return Unknown(failure), ended(leased, Ending.UNSENT, failure, hold=self._retry_after)
            case _:
                assert_never(found)

    def _sent(self, leased: Leased, outcome: Outcome) -> Stepped:
        """The record of an attempt that was made.

        A rejection is final only if no other attempt can still land, also none of a process that has taken our lease
        meanwhile: so it is only recorded here, and settles when it is read back under a lease.
        """
        match outcome:
            case Confirmed(external_id):
                return outcome, ended(leased, Ending.CONFIRMED, external_id=external_id)
            case Rejected(failure):
                return outcome, ended(leased, Ending.REJECTED, failure, hold=0.0)
            case Deferred(failure, retry_after):
                hold = self._retry_after if retry_after is None else retry_after
                return outcome, ended(leased, Ending.DEFERRED, failure, hold=hold)
            case Unknown(failure):
                # Longer each time: an outage of an hour must not use up what a person is asked after.
                hold = self._retry_after * min(2 ** len(loose_of(leased.earlier)), LONGEST_HOLD)
                return outcome, ended(leased, Ending.UNKNOWN, failure, hold=hold)
            case _:
                assert_never(outcome)


def ended(
    leased: Leased,
    ending: Ending,
    failure: Failure | None = None,
    *,
    external_id: str | None = None,
    hold: float | None = None,
) -> Ended:
    """The record of an attempt's end."""
    return Ended(
        leased.command,
        leased.token,
        leased.attempt,
        ending,
        external_id,
        None if failure is None else failure.failure_class,
        None if failure is None else failure.code,
        None if failure is None else failure.reason,
        hold,
    )
