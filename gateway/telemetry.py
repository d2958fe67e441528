"""Log events, one function each: one JSON object a line, ids and hashes, never a body."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
import structlog

from gateway.told_errors import told_error
from schemas.keys import ActorKey
from schemas.verdicts import Failure

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_PASSWORD: Final = re.compile(r"(://[^/\s:@\"]*):[^/\s@\"]+@")
"""As drivers repeat it with the URL that they were given."""
_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure(level: str) -> None:
    """Log to standard error as JSON lines, from `level` on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(told_error),
            structlog.processors.JSONRenderer(serializer=json_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


@contextmanager
def silenced() -> Iterator[None]:
    """Log nothing inside the block: what is played there has not happened."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _name: str, _event: structlog.typing.EventDict) -> structlog.typing.ProcessorReturnValue:
    raise structlog.DropEvent


def json_line(event: object, **_: object) -> str:
    """ASCII JSON: what a sender wrote cannot forge a line or a terminal's escape sequence. No password of a URL."""
    text = _PASSWORD.sub(r"\1:[secret]@", orjson.dumps(event, default=str).decode())
    return text.encode("ascii", "backslashreplace").decode() if not text.isascii() else text


def started(version: str, instance: UUID, policy: str) -> None:
    """The process serves."""
    _log.info("started", version=version, instance=str(instance), policy=policy)


def waiting_for(what: str, reason: str) -> None:
    """The process waits for something that is not there; most often its start does."""
    _log.warning("waiting_for", what=what, reason=reason)


def database_went_back(found: str, since: datetime) -> None:
    """The database was restored to an earlier point. No command is sent until a person releases them."""
    _log.critical("database_went_back", found=found, since=since.isoformat(), next="docs/restore.md")


def restore_phase(phase: str) -> None:
    """Commands are held, are sent after asking, or are sent as ever."""
    _log.warning("restore_phase", phase=phase)


def restore_declared_meanwhile() -> None:
    """A person or another process has declared a restore: this process ends, to start anew."""
    _log.warning("restore_declared_meanwhile", next="docs/restore.md")


def watermark_lost(counter: int) -> None:
    """RabbitMQ has no watermark although the database has one: everything is held until a person has looked."""
    _log.critical("watermark_lost", counter=counter, next="docs/restore.md")


def watermark_foreign(count: int, users: Sequence[str]) -> None:
    """Messages in the watermark's queue are not ours: dropped. Their publishers need no right to write there."""
    _log.error("watermark_foreign", count=count, users=users, next="docs/operating.md#rights-in-rabbitmq")


def watermark_not_kept(published: str) -> None:
    """RabbitMQ did not take the watermark."""
    _log.warning("watermark_not_kept", published=published)


def system_unlisted(system: str, commands: int, oldest: datetime) -> None:
    """Commands are open for a system that the policy file does not list: nothing is sent to it."""
    _log.error(
        "system_unlisted", system=system, commands=commands, oldest=oldest.isoformat(),
        next="docs/operating.md#commands-that-take-too-long",
    )  # fmt: skip


def draining() -> None:
    """A signal came; nothing new is taken."""
    _log.info("draining")


def stopped(*, clean: bool) -> None:
    """The process ends; `clean`: everything in flight was finished."""
    _log.info("stopped", clean=clean)


def stale_writer(key: ActorKey) -> None:
    """A commit lost its compare-and-set; the key is decided again."""
    _log.info("stale_writer", key=str(key))


def store_lost(error: Exception, *, unknown: bool) -> None:
    """The database did not take a batch, or did not say whether it did."""
    _log.warning("store_lost", error=str(error), outcome="unknown" if unknown else "not_committed")


def retention_failed(kind: str, error: Exception) -> None:
    """Old rows of one kind were not removed this time; the next round tries again."""
    _log.warning("retention_failed", kind=kind, error=str(error))


def replay_stopped(replay: int, why: str) -> None:
    """A replay has paused itself."""
    _log.warning("replay_stopped", replay=replay, why=why)


def replay_failed(what: str, error: Exception) -> None:
    """A plan, a replay, or a round of them met what nobody expected: our bug. Nothing else ends by it."""
    _log.error("replay_failed", what=what, exc_info=error)


def replay_ended(replay: int, settled: int, failed: int) -> None:
    """A replay is over."""
    _log.info("replay_ended", replay=replay, settled=settled, failed=failed)


def broker_changed(what: str, detail: str) -> None:
    """A connection or channel to the broker went or came."""
    _log.warning("broker_changed", what=what, detail=detail)


def decision_failed(key: ActorKey, error: Exception) -> None:
    """A decision raised: our bug. Its message is parked."""
    _log.error("decision_failed", key=str(key), exc_info=error)


def dead_letter(queue: str, failure: Failure) -> None:
    """A delivery could not become a message."""
    _log.warning("dead_letter", queue=queue, failure_class=failure.failure_class, code=failure.code)


def suspect_again(queue: str, attempts: int, treatment: str) -> None:
    """The process ended while it was at work on one message alone; what is done with it this time."""
    _log.warning("suspect_again", queue=queue, attempts=attempts, treatment=treatment)


def first_look(lives: int) -> None:
    """Processes ended badly before this one: it looks at lanes before it does anything else."""
    _log.warning("first_look", lives=lives)


def first_look_waits(patience: float) -> None:
    """Another process looks; the start waits for it, for so many seconds at most."""
    _log.warning("first_look_waits", patience=patience)


def first_look_progress(lanes: int, seconds: float) -> None:
    """The look goes on: lanes that it has done, and since when it began."""
    _log.info("first_look_progress", lanes=lanes, seconds=round(seconds, 1))


def first_look_done(lanes: int, seconds: float) -> None:
    """The look is over; the start goes on."""
    _log.info("first_look_done", lanes=lanes, seconds=round(seconds, 1))


def first_look_skipped(seconds: float) -> None:
    """The other process still looks, or stands still: the start goes on without a look, and the doubt stays."""
    _log.warning("first_look_skipped", seconds=round(seconds, 1))


def first_look_left(reason: str) -> None:
    """The process ends in the look, and could not take back what it had recorded: it counts as a death."""
    _log.warning("first_look_left", reason=reason)


def attempt_ended(system: str, operation: str, reference: str, outcome: str, seconds: float) -> None:
    """An attempt at a command has ended."""
    _log.debug(
        "attempt_ended", system=system, operation=operation, reference=reference, outcome=outcome,
        seconds=round(seconds, 4),
    )  # fmt: skip


def system_answers(system: str, outcome: str, reason: str | None) -> None:
    """A system began to answer otherwise than before: it went away, refuses us, or is back."""
    _log.warning("system_answers", system=system, outcome=outcome, reason=reason)


def reader_holds(system: str, *, holds: bool) -> None:
    """We read a system's changes, or stand by while another process does."""
    _log.info("reader_holds" if holds else "reader_stands_by", system=system)


def reader_looked(system: str, record: str, published: int, *, whole: bool) -> None:
    """A look at a system's changes has ended; `whole`: it was not stopped on its way."""
    tell = _log.info if published else _log.debug
    tell("reader_looked", system=system, record=record, published=published, whole=whole)


def reader_waits(system: str, reason: str) -> None:
    """A look at a system's changes did not end; it is tried again."""
    _log.warning("reader_waits", system=system, reason=reason)


def recon_waits(reason: str) -> None:
    """A system's books cannot be read now."""
    _log.warning("recon_waits", reason=reason)


def recon_failed(what: str, error: Exception) -> None:
    """A run, a plan, or a round of reconciliation met what nobody expected: our bug. Nothing else ends by it."""
    _log.error("recon_failed", what=what, exc_info=error)


def leases_taken_over(count: int) -> None:
    """A sending process fell silent and its leases were freed."""
    _log.warning("leases_taken_over", count=count)


def request_failed(method: str, path: str, error: Exception) -> None:
    """The API failed at a request: our bug. The client was told no more than that."""
    _log.error("request_failed", method=method, path=path, exc_info=error)


def task_died(name: str, error: BaseException) -> None:
    """A task that runs for ever ended: our bug. The process will be restarted."""
    _log.critical("task_died", task=name, exc_info=error)


def policy_in_force(policy: str, how: str, actor: str, differs: Sequence[str]) -> None:
    """Decisions are made under it from now on. `differs`: what this process has otherwise until its restart."""
    _log.info("policy_in_force", policy=policy, how=how, by=actor, needs_restart=list(differs))


def policy_file_behind(file: str, policy: str, how: str, actor: str) -> None:
    """The file of this process was superseded by another policy, which stays in force."""
    _log.warning("policy_file_behind", file=file, policy=policy, how=how, by=actor)


def policy_unfit(policy: str, reason: str) -> None:
    """A policy was activated that this release cannot read; it goes on with the one before."""
    _log.error("policy_unfit", policy=policy, reason=reason)


def policy_not_reloaded(reason: str) -> None:
    """The file was to be read again on a signal, and cannot be used."""
    _log.error("policy_not_reloaded", reason=reason)


def mapping_not_retried(case: int, key: str, reason: str) -> None:
    """No act on the case can be written: a person must retry what it is about."""
    _log.error("mapping_not_retried", case=case, key=key, reason=reason)


def mappings_retried(policy: str, count: int) -> None:
    """What stood still for want of a mapping is tried again under a new policy."""
    _log.info("mappings_retried", policy=policy, count=count)


def sealing_failed(error: Exception) -> None:
    """The audit cannot be sealed: our bug. Acts are written down all the same; nothing else stands still."""
    _log.error("sealing_failed", exc_info=error)


def figures_failed(error: Exception) -> None:
    """The business's figures cannot be counted or shown: our bug. They stand still; nothing else does."""
    _log.error("figures_failed", exc_info=error)


def keys_unavailable(reason: str) -> None:
    """The keys of the issuer of tokens cannot be had; those that were there count for a while."""
    _log.error("keys_unavailable", reason=reason)
