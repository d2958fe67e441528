"""Whether somebody reads the changes of the systems whose changes are to be read."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.postgres.positions import PostgresReaders
from gateway.changes_policy import ChangesPolicy
from gateway.cli.checks.finding import Finding, Level, failed
from gateway.http.readings import Readings
from gateway.reader_state import ReaderState


async def look_at_readers(url: str, read: Mapping[str, ChangesPolicy]) -> list[Finding]:
    """One finding for each kind of record, in a database whose schema is that of this release."""
    readers = PostgresReaders(url)
    try:
        found = await Readings(readers, read).states()
        known = {row.system for row in await readers.readers()}
    except Exception as error:  # noqa: BLE001 - `failed` raises again what it does not know
        return [failed("readers", error)]
    finally:
        await readers.close()
    findings = [_finding(name, state, read[name]) for name, states in found.items() for state in states]
    return findings + [_unlisted(name) for name in sorted(known - read.keys())]


def _unlisted(name: str) -> Finding:
    """Under another name all of a system would be read again, and applied again."""
    found = "it was read, and is not read by the policy file any more"
    return Finding(
        f"reader {name}", Level.WARN, found, "if it was renamed, give it its name back before anybody reads it"
    )


def _finding(name: str, state: ReaderState, changes: ChangesPolicy) -> Finding:
    part = f"reader {name}"
    if state.record is None:
        return Finding(part, Level.WARN, "its changes were never read", f"run `tallystick read {name}`")
    ago = "never" if state.behind_seconds is None else f"{state.behind_seconds:.0f} s ago"
    failure = "" if state.failure is None else f"; {state.failure}"
    found = f"{state.record}: last whole look {ago}, by {state.reader}{failure}"
    if state.is_late(changes):
        change = f"run `tallystick read {name}`, or see in its log what keeps it"
        return Finding(part, Level.FAIL, found, change)
    if state.failure is not None:
        return Finding(part, Level.WARN, found, "it tries again by itself; see in its log if that goes on")
    return Finding(part, Level.OK, found)
