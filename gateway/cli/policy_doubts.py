"""What a policy file may say but hardly means: each line names the place, what follows from it, and what to change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from adapters.rabbitmq.address import is_loopback
from gateway.cli.route_doubts import route_doubts
from gateway.http_policy import HttpSystemPolicy, Operation
from gateway.policy_file import AnySystem, PolicyFile
from gateway.readable import read_systems, why_unreadable
from schemas.operations.table import OPERATIONS
from schemas.registry import EVENTS


def doubts(policy: PolicyFile, roles: Collection[str] | None = None) -> list[str]:
    """All doubts, in the order of the file. `roles` are those that callers of the API have; None: not known here."""
    return [
        *_entities(policy),
        *route_doubts(policy, OPERATIONS),
        *_approvals(policy, roles),
        *_sources(policy),
        *_systems(policy),
        *_changes(policy),
        *_retries(policy),
    ]


def _entities(policy: PolicyFile) -> Iterator[str]:
    for code, entity in policy.legal_entities.items():
        if not entity.tax_codes:
            yield f"legal_entities.{code}: without tax_codes no customer of it reaches its ERP: map its tax profiles"


def _approvals(policy: PolicyFile, roles: Collection[str] | None) -> Iterator[str]:
    for name, rule in policy.approvals.items():
        if roles is not None and rule.role not in roles:
            yield f"approvals.{name}.role: no caller of the API has the role {rule.role}: give it to one"


def _sources(policy: PolicyFile) -> Iterator[str]:
    entities = {name.partition(".")[0] for name in EVENTS.offered_names}
    for name, source in policy.sources.items():
        for pattern in source.types:
            if not any(fnmatchcase(known, pattern) for known in EVENTS.offered_names):
                yield f"sources.{name}.types: no event type matches {pattern}: see `tallystick event types`"
        if source.system is not None and source.system not in policy.systems:
            yield (
                f"sources.{name}.system: {source.system} is not under `systems`, so its ids are never bound and what"
                " carries them waits for ever: use the name that the legal entities use"
            )
        for entity in source.external:
            if entity not in entities:
                yield f"sources.{name}.external: {entity} is no entity: known are {', '.join(sorted(entities))}"


def _systems(policy: PolicyFile) -> Iterator[str]:
    for name, system in policy.systems.items():
        yield from _address(name, system)
        for operation, row in system.operations.items() if isinstance(system, HttpSystemPolicy) else ():
            yield from _operation(f"systems.{name}.operations.{operation}", operation, row)


def _changes(policy: PolicyFile) -> Iterator[str]:
    for name in read_systems(policy):
        yield from why_unreadable(policy, name)


def _retries(policy: PolicyFile) -> Iterator[str]:
    rules = policy.retry_rules
    for name, rule in (("default", rules.default), *rules.by_class.items()):
        place = f"retries.{name}.deadline_seconds"
        if rule.delay(3, 0) is None:
            yield f"{place}: a person is asked after two or three tries, which a short outage uses up: raise it"
        longest = max(system.gate.breaker.longest_seconds for system in policy.systems.values())
        if rule.deadline < longest:
            yield f"{place}: it is below the longest_seconds of a breaker, so an outage asks people: raise it"


def _address(name: str, system: AnySystem) -> Iterator[str]:
    address = urlsplit(system.url)
    if is_loopback(address.hostname or ""):
        return
    if address.scheme == "http":
        yield f"systems.{name}.url: the token travels unprotected: use https"
    if system.secret_file is None:
        key = system.credential
        yield f"systems.{name}.{key}: a secret stands in the file: move it to a file of its own, named by {key}_file"


def _operation(place: str, name: str, row: Operation) -> Iterator[str]:
    if name not in OPERATIONS:
        yield f"{place}: there is no such operation: known are {', '.join(OPERATIONS)}"
    if row.key_window_seconds is None and not row.unique_reference and not row.look_up:
        yield f"{place}: an attempt without an answer is parked, since the system can neither be asked nor asked again"
    if row.key_window_seconds is not None and row.key_window_seconds <= row.late_bound_seconds:
        yield (
            f"{place}: key_window_seconds is not above late_bound_seconds, so a late attempt may outlive its key and"
            " post twice: leave key_window_seconds out"
        )
