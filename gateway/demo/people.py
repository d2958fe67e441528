"""The people of the demo: who settles which cases, and who reconciles, with the command line that anybody would use."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import orjson
import yaml

import gateway
from gateway.callers import digest

_CLI: Final = "from gateway.cli.main import main; main()"
SECONDS: Final = 30.0
"""How long one command may take."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody does about cases of this code, of this entity."""

    entity: str
    code: str
    act: str
    reason: str

    def fits(self, case: Mapping[str, object]) -> bool:
        """Whether it is the answer to a case."""
        return (self.entity, self.code) == (case["entity"], case["code"])


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a role, and what they answer; cases that they leave alone have no answer here."""

    name: str
    role: str
    answers: tuple[Answer, ...] = ()
    permissions: tuple[str, ...] = ("read", "settle")

    def token_file(self, folder: Path) -> Path:
        return folder / f"token-{self.name}"


FINANCE: Final = Person(
    "frieda",
    "finance",
    (
        Answer("engagement", "approval_needed", "approve", "in the budget of the programme"),
        Answer("engagement", "tax_profile_missing", "retry", "the tax profile is there now"),
        Answer("contract", "authority_missing", "approve", "the customer has signed it"),
        Answer("timesheet", "rates_changed", "approve", "agreed with the customer"),
    ),
)
SALES: Final = Person(
    "samira",
    "sales-ops",
    (Answer("customer", "probable_duplicate", "approve", "a sister company, not the same firm"),),
)
CONTROLLER: Final = Person("conny", "controlling", permissions=("read", "entities", "operate"))
PEOPLE: Final = (FINANCE, SALES, CONTROLLER)
SETTLING: Final = tuple(person for person in PEOPLE if person.answers)


class CommandFailed(RuntimeError):
    """A command of a person failed; the message has what it printed."""


class Office(Protocol):
    """Where the gateway is."""

    @property
    def folder(self) -> Path: ...

    @property
    def api_url(self) -> str: ...


def write_people(folder: Path) -> str:
    """Write each one's token; gives the file of callers, as `tallystick caller add` would have made it."""
    entries: list[dict[str, object]] = []
    for person in PEOPLE:
        token = secrets.token_urlsafe(32)
        path = person.token_file(folder)
        path.touch(mode=0o600)
        path.write_text(token, encoding="utf-8")
        entries.append(
            {
                "name": person.name,
                "token_sha256": digest(token.encode()).hex(),
                "roles": [person.role],
                "permissions": [*person.permissions],
            }
        )
    return yaml.safe_dump(entries, sort_keys=False)


async def settle(office: Office, say: Callable[[str], None]) -> int:
    """Each looks at the cases of their role, and settles those that they have an answer to.

    Gives how many; what follows from these may ask for more. Raises `CommandFailed`.
    """
    acts = 0
    for person in SETTLING:
        answered = await _answered(office, person, "open")
        if answered:
            await typed(office, person, say, "case", "list", "--owner", person.role)
        for case, answer in answered:
            seen = ("--if-version", str(case["version"]))
            await typed(office, person, say, "case", answer.act, str(case["id"]), *seen, "--reason", answer.reason)
        acts += len(answered)
    return acts


async def settled(office: Office) -> Mapping[str, int]:
    """Closed cases that people were asked to settle, by code."""
    return await _by_code(office, "closed")


async def left(office: Office) -> Mapping[str, int]:
    """Open cases that people have an answer to, and have not given it, by code."""
    return await _by_code(office, "open")


async def _by_code(office: Office, state: str) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for person in SETTLING:
        counts.update(answer.code for _, answer in await _answered(office, person, state))
    return counts


async def _answered(office: Office, person: Person, state: str) -> list[tuple[dict[str, object], Answer]]:
    """The cases of a person's role to which they have an answer."""
    cases = await _cases(office, person, state)
    return [(case, answer) for case in cases for answer in person.answers if answer.fits(case)]


def as_typed(office: Office, person: Person) -> str:
    """What stands before a command of this person."""
    return f"TALLYSTICK_URL={office.api_url} TALLYSTICK_TOKEN_FILE={person.token_file(office.folder)}"


async def _cases(office: Office, person: Person, state: str) -> list[dict[str, object]]:
    printed = await printed_by(office, person, "case", "list", "--owner", person.role, "--state", state, "-o", "json")
    cases: list[dict[str, object]] = orjson.loads(printed)
    return cases


async def typed(office: Office, person: Person, say: Callable[[str], None], *words: str) -> None:
    """A command, shown with what it prints. Raises `CommandFailed`."""
    line = " ".join(f'"{word}"' if " " in word else word for word in words)
    say(f"  {person.name} ({person.role}) $ tallystick {line}")
    printed = await printed_by(office, person, *words)
    say("\n".join(f"    {each.rstrip()}" for each in printed.splitlines()))


async def printed_by(office: Office, person: Person, *words: str) -> str:
    """What a command prints. Raises `CommandFailed`."""
    source = str(Path(gateway.__file__).parent.parent)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    environment = ours | {
        "PYTHONPATH": os.pathsep.join(filter(None, (source, ours.get("PYTHONPATH")))),
        "TALLYSTICK_URL": office.api_url,
        "TALLYSTICK_TOKEN_FILE": str(person.token_file(office.folder)),
        "COLUMNS": "150",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLI, *words,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    printed = output.decode(errors="replace")
    if process.returncode:
        raise CommandFailed(f"{person.name}: tallystick {' '.join(words)}: {printed}")
    return printed
