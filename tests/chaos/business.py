"""The load: what the firm's systems publish, wave by wave, good and bad; the same for the same seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED
from schemas.project.v1 import StatusChanged
from schemas.values import Reference
from tests.integration.events import CLOCKS, CRM, DAY, PSA, RATE, customer, deal, event, sheet

LINE: Final = Decimal("7.50") * RATE
"""What one line of a sheet puts on the books."""
LATE_WAVES: Final = 4
"""A parent may come so many waves after its children."""
REVISIONS: Final = 6


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a source and what it means, in the words of `tests.checker.evidence.Published`."""

    outgoing: Outgoing
    source: str
    id: str
    key: str
    is_bad: bool = False
    needs: tuple[str, ...] = ()
    blocks: bool | None = None
    stops: bool = False
    books: Decimal | None = None
    sequence: int | None = None

    @property
    def queue(self) -> str:
        """The entity whose queue it goes to."""
        return self.outgoing.routing_key.partition(".")[0]


@dataclass(slots=True)
class Sheet:
    """A timesheet of the firm: its project as the PSA names it, and the revisions sent so far."""

    id: str
    project: Reference
    needs: str
    revision: int = 0
    is_poison: bool = False
    is_numbered: bool = False
    ahead: list[int] = field(default_factory=list)
    """Numbers that are still to come, in the order in which they do; of a numbered sheet alone."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more comes."""
        return self.revision == REVISIONS or (self.is_numbered and not self.ahead)

    def turn(self) -> int:
        """The next revision."""
        self.revision = self.ahead.pop(0) if self.is_numbered else self.revision + 1
        return self.revision


class Business:
    """Makes waves. Within a wave each key has one event at most: a wave can be sent again as a whole without harm."""

    def __init__(self, seed: int, size: int) -> None:
        self._chance = random.Random(f"business {seed}")
        self._size = size
        self._number = 0
        self._names = count(1)
        self._projects: list[str] = []
        self._sheets: list[Sheet] = []
        self._late: list[tuple[int, Event]] = []
        self._sent: list[Event] = []
        self._has_poison = False
        """Whether there was a customer whose tax profile nobody knows: every run has deals that a person must mend."""

    def wave(self) -> list[Event]:
        """The next wave, in the order in which it is to be sent."""
        self._number += 1
        wave: dict[str, Event] = {}
        due = [late for number, late in self._late if number <= self._number]
        self._late = [(number, late) for number, late in self._late if number > self._number]
        for parent in (*due, *self._parents()):
            wave[parent.key] = parent
        while len(wave) < self._size:
            if (one := self._one(wave)) is not None:
                wave[one.key] = one
        events = list(wave.values())
        self._chance.shuffle(events)
        self._sent.extend(each for each in events if not each.is_bad)
        return events

    def rest(self) -> list[Event]:
        """Parents that are still to come."""
        events = [late for _, late in self._late]
        self._late = []
        return events

    def _parents(self) -> list[Event]:
        """A customer with projects, every few waves; some come late, and a few never work or never come."""
        if self._number > 1 and self._chance.random() < 0.6:
            return []
        name = f"C{next(self._names)}"
        poison = self._number > 1 and (self._chance.random() < 0.1 or not self._has_poison)
        self._has_poison = self._has_poison or poison
        record = customer(name, tax_profile="unheard-of" if poison else "standard")
        events = [Event(record, CRM, f"customer-{name}", f"customer/{name}", stops=poison)]
        for _ in range(3):
            project = f"P{next(self._names)}"
            self._projects.append(project)
            if self._chance.random() < 0.04:
                continue  # an orphan: its sheets wait for ever, and say so
            won = Event(
                deal(project, name), CRM, _id(deal(project, name)), f"engagement/{project}", needs=(f"customer/{name}",)
            )
            events.append(won)
        now = []
        for each in events:
            if self._number > 1 and self._chance.random() < 0.3:
                self._late.append((self._number + self._chance.randint(1, LATE_WAVES), each))
            else:
                now.append(each)
        return now

    def _one(self, wave: dict[str, Event]) -> Event | None:
        """One more event of a kind drawn by chance; None if its key is in the wave already."""
        kind = self._chance.random()
        if kind < 0.12 and self._sent:
            found = self._chance.choice(self._sent)
        elif kind < 0.14 and self._sent:
            found = _reused(self._chance.choice(self._sent))
        elif kind < 0.16:
            found = _bad(next(self._names), self._chance)
        elif kind < 0.17:
            found = self._status()
        else:
            return self._sheet(wave)
        return None if found.key in wave else found

    def _status(self) -> Event:
        """The PSA, by its own id of the project, stops it or lets it go on."""
        project = self._chance.choice(self._projects)
        holds = self._chance.random() < 0.3
        data = StatusChanged(status="on_hold" if holds else "active", effective_on=DAY, reason="as agreed")
        subject = f"psa-{project}"
        id = f"status-{next(self._names)}"
        outgoing = event(PSA, id, "project.status_changed", subject, data)
        return Event(outgoing, PSA, id, f"external/psa/project/{subject}", blocks=holds)

    def _sheet(self, wave: dict[str, Event]) -> Event | None:
        """The next revision of a sheet, of an old one or of a new one."""
        if self._sheets and self._chance.random() < 0.6:
            found = self._chance.choice(self._sheets[-400:])
        else:
            found = self._new_sheet()
        key = f"timesheet/{found.id}"
        if key in wave or found.is_done:
            return None
        revision = found.turn()
        outgoing = sheet(found.id, found.project, lines=revision, revision=revision, only_last=True)
        made = Event(outgoing, PSA, _id(outgoing), key, needs=(found.needs,), books=LINE * revision)
        if found.is_poison and revision == 2:
            made = replace(_changed(made, legal_entity="XX99"), stops=True)
        return _numbered(made, revision) if found.is_numbered else made

    def _new_sheet(self) -> Sheet:
        project = self._chance.choice(self._projects)
        if self._chance.random() < 0.5:
            reference, needs = Reference(id=project), f"project/{project}"
        else:
            reference = Reference(system="psa", external_id=f"psa-{project}")
            needs = f"external/psa/project/psa-{project}"
        made = Sheet(f"T{next(self._names)}", reference, needs, is_poison=self._chance.random() < 0.03)
        if self._chance.random() < 0.3:
            made.is_numbered, made.ahead = True, self._disorder()
        self._sheets.append(made)
        return made

    def _disorder(self) -> list[int]:
        """All revisions, each near its place; now and then one is left out for ever."""
        numbers = sorted(range(1, REVISIONS + 1), key=lambda number: number + self._chance.uniform(0, 2.5))
        if self._chance.random() < 0.05:
            numbers.remove(self._chance.randint(2, REVISIONS))
        return numbers


def _reused(event: Event) -> Event:
    """The id of an event with another content: an idempotency conflict."""
    return _changed(event, **_another(event))


def _another(event: Event) -> dict[str, Any]:
    data = json.loads(event.outgoing.body)["data"]
    match event.queue:
        case "timesheet":
            return {"lines": [{**data["lines"][0], "hours": "6.00"}, *data["lines"][1:]]}
        case "project" if "reason" in data:
            return {"reason": "another one"}
        case _:
            return {"name": "Another Name"}


def _numbered(event: Event, number: int) -> Event:
    """The same event, from the source that numbers its own."""
    document = json.loads(event.outgoing.body) | {"source": CLOCKS, "sequence": str(number)}
    outgoing = replace(event.outgoing, body=json.dumps(document).encode())
    return replace(event, outgoing=outgoing, source=CLOCKS, sequence=number)


def _changed(event: Event, **data: Any) -> Event:
    document = json.loads(event.outgoing.body)
    document["data"] |= data
    return replace(event, outgoing=replace(event.outgoing, body=json.dumps(document).encode()))


def _bad(number: int, chance: random.Random) -> Event:
    """Something that can become no message; its key is its own, for it belongs to nobody's order."""
    good = sheet(f"B{number}", Reference(id="P1"))
    text = good.body.decode()
    body, routing_key = chance.choice(
        [
            (text[: len(text) // 2], good.routing_key),
            (text.replace('"data":{', '"data":{"revision":1,', 1), good.routing_key),
            (text.replace('"revision":1', '"revision":NaN'), good.routing_key),
            (text.replace("approved.v1", "approved.v77"), good.routing_key),
            (text.replace(PSA, "urn:example:nobody"), good.routing_key),
            (text.replace('"hours":"7.50"', '"hours":7.5'), good.routing_key),
            (text, "timesheeet.approved"),
            ("", good.routing_key),
        ]
    )
    if not body:
        body = f"not JSON {number}"
    id = f"bad-{number}"
    outgoing = Outgoing(EVENTS, routing_key, body.encode(), STRUCTURED, {}, message_id=id)
    return Event(outgoing, PSA, id, f"bad/{number}", is_bad=True)


def _id(outgoing: Outgoing) -> str:
    return outgoing.message_id
