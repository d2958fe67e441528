"""The policy in force, as this process knows it: read every second, and at once when it has changed it itself.

Systems, retries, and retention are made at the start, so they stay those of the process's own file; all else follows
what is in force, also in the other processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from actors.policy import Policy
from adapters.ports.policies import Activation, Policies, PolicyNotFound, PolicyOvertaken
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.four_eyes import FourEyes
from gateway.intakes.mapping import Intakes
from gateway.intakes.routes import bindings
from gateway.kpis.objectives import Objectives
from gateway.policy_disk import PolicyTexts
from gateway.policy_file import PolicyFile
from gateway.recon.schedule import ReconciliationPolicy
from gateway.rules import Rules
from gateway.source_policy import Source
from gateway.system_policy import PolicyInvalid

LOOK_SECONDS: Final = 1.0
"""After how long, at most, a process decides by a policy that another one has activated."""
STARTER: Final = "policy"
"""Who activates the file of a start."""
Allowed = Callable[[str], Awaitable[bool]]
"""Asks whether the policy of this name may change who must allow what, and raises if not.

True: a second person has allowed it. False: nobody has to by the policy that is known now.
"""


async def by_the_host(_policy: str) -> bool:
    """Whoever can write the file and signal the process needs nobody else."""
    return False


class Activate(Protocol):
    """Puts a policy in force, if activation `after` is the newest. Raises `PolicyOvertaken`."""

    async def __call__(self, *, after: int | None) -> Activation: ...


class NeedsRestart(RuntimeError):
    """A policy differs from the running one in what is made at the start; `parts` names where."""

    def __init__(self, parts: list[str]) -> None:
        super().__init__(f"{', '.join(parts)}: changed, which takes effect at a start only")
        self.parts = parts


@dataclass(frozen=True, slots=True)
class InForce:
    """All that is read of one policy while decisions are made. `activation` is None where none is recorded."""

    hash: str
    policy: Policy
    rules: Rules
    sources: Mapping[str, Source]
    intakes: Intakes
    reconciliations: Mapping[str, ReconciliationPolicy]
    objectives: Objectives
    four_eyes: FourEyes
    activation: Activation | None = None


class PolicyBook:
    """Nothing may be decided before it was read what is in force; without a port that is the file.

    `changed` is told of each activation that is followed.
    """

    def __init__(
        self,
        file: PolicyFile,
        policies: Policies | None,
        backoff: Backoff,
        texts: PolicyTexts,
    ) -> None:
        self._file = file
        self._files_intakes = Intakes(file.intakes)
        self._policies = policies
        self._backoff = backoff
        self._texts = texts
        self._now: InForce | None = _in_force(file, None) if policies is None else None
        self._unfit: Activation | None = None
        self._following = asyncio.Lock()
        self.changed: Callable[[], None] = lambda: None

    def policy(self) -> Policy:
        """What decisions read. Raises `StoreUnavailable`, as the others do, while nobody knows what is in force."""
        return self._known().policy

    def rules(self) -> Rules:
        """What lanes and sequences go by."""
        return self._known().rules

    def sources(self) -> Mapping[str, Source]:
        """Who may send what; by the file until it is known what is in force, for nothing is decided before."""
        return self._file.sources if self._now is None else self._now.sources

    def intakes(self) -> Intakes:
        """What is made of messages that are no CloudEvents."""
        return self._files_intakes if self._now is None else self._now.intakes

    def reconciliations(self) -> Mapping[str, ReconciliationPolicy]:
        """What is reconciled by itself."""
        return self._known().reconciliations

    def objectives(self) -> Objectives:
        """What service is expected; by the file until it is known what is in force."""
        return self._file.objectives if self._now is None else self._now.objectives

    def four_eyes(self) -> FourEyes:
        """From where on a second person must allow something. Raises `StoreUnavailable`."""
        return self._known().four_eyes

    @property
    def sent_days(self) -> float:
        """For how long it is kept what confirmed commands said; by the process's own file, as all retention is."""
        return self._file.retention.sent_days

    def named(self) -> tuple[frozenset[str], Mapping[str, frozenset[str]]]:
        """The systems whose ids may be imported, and each legal entity with those that keep its customers.

        Raises `StoreUnavailable`.
        """
        known = self._known()
        senders = {source.system for source in known.sources.values() if source.system is not None}
        keepers = {code: entity.takers("customer.put") for code, entity in known.policy.legal_entities.items()}
        return frozenset(self._file.systems) | senders, keepers

    def hash(self) -> str:
        """The name of the policy in force."""
        return self._known().hash

    @property
    def activation(self) -> Activation | None:
        """What put it in force; None while nobody knows, or where none is recorded."""
        return None if self._now is None else self._now.activation

    @property
    def unread(self) -> str | None:
        """The policy in force, where this release cannot read it and decides by the one before; else None."""
        return None if self._unfit is None else self._unfit.hash

    async def begin(self) -> None:
        """At the start: activate the file, if it was never loaded; else tell if another one is in force.

        Raises `StoreUnavailable`, and `PolicyInvalid` if this release cannot read what is in force.
        """
        if self._policies is not None:
            file = self._file
            reason = "the process started with a file that was not loaded before"
            activation = await self._policies.begin(file.hash, file.text, actor=STARTER, reason=reason)
            await self._follow(activation)
            if activation.hash != file.hash:
                telemetry.policy_file_behind(file.hash, activation.hash, activation.how, activation.actor)

    async def look(self) -> None:
        """Follow what is in force by now. Raises `StoreUnavailable`."""
        if self._policies is not None:
            active = await self._policies.active()
            if active is None:
                await self.begin()  # the database was restored to a point before the first start
            else:
                await self._follow(active)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()

    async def reload(
        self, *, actor: str, reason: str, retries: bool = True, allowed: Allowed = by_the_host
    ) -> Activation:
        """Read the file again, and put it in force; without `retries` what stands still is left to a replay.

        `allowed` is asked if it changes who must allow what. Raises what that raises, `PolicyInvalid`, and
        `NeedsRestart`, after which all is as before, and `StoreUnavailable`.
        """
        file = await self._texts.read()
        load = partial(self._port().load, file.hash, file.text, actor=actor, reason=reason, retries=retries)
        return await self._activated(file, load, allowed)

    async def roll_back(
        self, to: str, *, actor: str, reason: str, retries: bool = True, allowed: Allowed = by_the_host
    ) -> Activation:
        """Put a policy in force again that was loaded before. Raises `PolicyNotFound`, and what `reload` raises."""
        file = await self._texts.parse(await self._port().text(to), f"policy {to}")
        back = partial(self._port().roll_back, to, actor=actor, reason=reason, retries=retries)
        return await self._activated(file, back, allowed)

    async def history(self, *, before: int | None, limit: int) -> list[Activation]:
        """Activations, newest first. Raises `StoreUnavailable`."""
        return await self._port().history(before=before, limit=limit)

    def _known(self) -> InForce:
        if self._now is None:
            raise StoreUnavailable("the policy in force was not read yet")
        return self._now

    def _port(self) -> Policies:
        if self._policies is None:
            raise StoreUnavailable("no policies are kept here")
        return self._policies

    def _refuse_restart(self, file: PolicyFile) -> None:
        parts = parts_of_the_start(self._file, file)
        if parts:
            raise NeedsRestart(parts)

    async def _activated(self, file: PolicyFile, activate: Activate, allowed: Allowed) -> Activation:
        """Put a file in force in place of the policy that `allowed` was asked by.

        Where another one came into force meanwhile, it is asked by that, unless a second person has allowed this file
        before: that nobody had to says nothing of a policy by which somebody must.
        """
        self._refuse_restart(file)
        is_allowed = False
        while True:
            newest = self._unfit or self.activation
            if not is_allowed and self._changes_rules(file):
                is_allowed = await allowed(file.hash)
            try:
                activation = await activate(after=None if newest is None else newest.id)
            except PolicyOvertaken:
                await self.look()
            else:
                await self._follow(activation)
                return activation

    def _changes_rules(self, file: PolicyFile) -> bool:
        """Whether it may say otherwise who must allow what than what is in force, which may be unreadable here."""
        now = self._known()
        is_same = (file.four_eyes, file.policy.approvals) == (now.four_eyes, now.policy.approvals)
        return self._unfit is not None or not is_same

    async def _follow(self, activation: Activation) -> None:
        """Decide by an activation from now on; by the one before if this release cannot read its text."""
        async with self._following:
            known = self._now.activation if self._now is not None else None
            if activation == known:
                self._unfit = None
                return
            if activation == self._unfit:
                return
            try:
                file = await self._text_of(activation)
            except (PolicyInvalid, PolicyNotFound) as error:
                if self._now is None:
                    raise PolicyInvalid(
                        f"the policy in force, {activation.hash}, cannot be read by this release: change the policy"
                        f" file, which then comes into force, or start the release that took it\n{error}"
                    ) from error
                self._unfit = activation
                telemetry.policy_unfit(activation.hash, str(error))
                return
            parts = parts_of_the_start(self._file, file)
            self._now, self._unfit = _in_force(file, activation), None
        telemetry.policy_in_force(file.hash, activation.how, activation.actor, parts)
        self.changed()

    async def _text_of(self, activation: Activation) -> PolicyFile:
        if activation.hash == self._file.hash:
            return self._file
        return await self._texts.parse(await self._port().text(activation.hash), f"policy {activation.hash}")


def parts_of_the_start(running: PolicyFile, other: PolicyFile) -> list[str]:
    """Where two files differ in what is made at the start of a process."""
    names = [*running.systems, *(name for name in other.systems if name not in running.systems)]
    parts = [f"systems.{name}" for name in names if running.systems.get(name) != other.systems.get(name)]
    if running.retry_rules != other.retry_rules:
        parts.append("retries")
    if _bound_by(running) != _bound_by(other):
        parts.append("intakes.routing_keys")
    if running.retention != other.retention:
        parts.append("retention")
    return parts


def _bound_by(file: PolicyFile) -> dict[str, frozenset[str]]:
    """Entity -> the routing keys of its queue; their order means nothing."""
    return {entity: frozenset(keys) for entity, keys in bindings(file.intakes).items()}


def _in_force(file: PolicyFile, activation: Activation | None) -> InForce:
    return InForce(
        file.hash,
        file.policy,
        file.rules,
        file.sources,
        Intakes(file.intakes),
        file.reconciliations,
        file.objectives,
        file.four_eyes,
        activation,
    )
