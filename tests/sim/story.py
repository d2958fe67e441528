"""A story's events: what the sources send, in their order, and what each of it means for the checker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from gateway.policy_file import PolicyFile
from schemas.codec import STRUCTURED, encode
from schemas.customer.v1 import CreditChanged
from schemas.envelope import Attributes
from schemas.project.v1 import MilestoneCompleted, StatusChanged
from schemas.record import Record
from schemas.registry import EVENTS as REGISTRY
from schemas.timesheet.v1 import Corrected, Line, Submitted
from schemas.values import Reference
from tests.actors.firm import MONDAY, WEEK, approved, customer, deal, line
from tests.checker.content import content, raw
from tests.checker.evidence import Published
from tests.gateway.toy import NOW
from tests.runtime.firm import CRM, PSA

GATE: Final = {"breaker": {"failures": 3, "open_seconds": 2, "longest_seconds": 10}}
RATE: Final = "125.50"
SIM_POLICY: Final = PolicyFile.model_validate(
    {
        "legal_entities": {"DE01": {"currency": "EUR", "tax_codes": {"standard": "D19"}}},
        "service_lines": ["advisory"],
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*"]},
            PSA: {
                "users": ["guest"], "types": ["timesheet.*", "project.*"], "system": "psa", "external": ["project"],
            },
        },
        "systems": {
            name: {"url": "http://127.0.0.1:1", "token": "none", "concurrency": 4, "operations": {}, "gate": GATE}
            for name in ("erp", "psa", "crm")
        },
        "retry_seconds": 1,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it is to be published, and what it means; `place` of `meaning` is given when it is sent."""

    outgoing: Outgoing
    meaning: Published


def said(source: str, id: str, subject: str, data: Record, **meaning: object) -> Said:
    """An event of a source, under its own name for the subject."""
    name = next(name for name in REGISTRY.names if REGISTRY.latest(name).model is type(data))
    version = REGISTRY.latest(name).type
    entity = name.partition(".")[0]
    key = f"external/psa/{entity}/{subject}" if (source, entity) == (PSA, "project") else f"{entity}/{subject}"
    body = encode(Attributes(source, id, version, subject, time=NOW), data)
    outgoing = Outgoing(EVENTS, name, body, STRUCTURED, {}, message_id=id)
    published = Published(source, id, key, version, content(body), raw(body), 0)
    return Said(outgoing, replace(published, **meaning))  # type: ignore[arg-type]  # fields of Published by name


def unreadable(source: str, number: int, chance: Random) -> Said:
    """Something that can become no message."""
    id = f"bad-{number}"
    good = said(source, id, "C0", customer(name=id))
    body = good.outgoing.body
    routing_key = good.outgoing.routing_key
    match chance.randrange(4):
        case 0:
            body = b"{" + id.encode()
        case 1:
            body = body.replace(b"customer.upserted.v1", b"customer.upserted.v9")
        case 2:
            body = body.replace(source.encode(), b"urn:example:stranger")
        case _:
            routing_key = "custommer.upserted"
    outgoing = replace(good.outgoing, body=body, routing_key=routing_key)
    return Said(outgoing, replace(good.meaning, id=id, raw=raw(body), is_bad=True))


class Story:
    """What one seed tells: some ten keys, each with a few events in order. `crm` and `psa`: what each source sends."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.customers = [f"C{n}" for n in range(chance.randint(2, 3))]
        self.projects = [f"P{n}" for n in range(chance.randint(2, 4))]
        self.sheets = [f"S{n}" for n in range(chance.randint(3, 7))]
        self.shared_tax_id = chance.random() < 0.3
        self.poison = 0
        crm = [list(self._customer(id)) for id in self.customers] + [list(self._project(id)) for id in self.projects]
        psa = [list(self._sheet(id)) for id in self.sheets]
        psa += [list(self._status(f"psa-{id}", PSA)) for id in self.projects if chance.random() < 0.5]
        self.crm = self._spoilt(CRM, self._merged(crm))
        self.psa = self._spoilt(PSA, self._merged(psa))

    def _customer(self, id: str) -> Iterator[Said]:
        chance = self._chance
        tax_id = "DE1" if self.shared_tax_id and id in ("C0", "C1") else None
        for n in range(chance.randint(1, 3)):
            is_poison = self._is_poisoned(0.08)
            data = customer(name=f"{id}-{n}", tax_id=tax_id, tax_profile="odd" if is_poison else "standard")
            yield said(CRM, f"{id}-{n}", id, data, stops=is_poison or tax_id is not None)
            if chance.random() < 0.35:
                yield said(CRM, f"{id}-hold-{n}", id, CreditChanged(on_hold=True, reason="late"), blocks=True)
                if chance.random() < 0.8:
                    yield said(CRM, f"{id}-free-{n}", id, CreditChanged(on_hold=False, reason="paid"), blocks=False)

    def _project(self, id: str) -> Iterator[Said]:
        chance = self._chance
        whose = chance.choice(self.customers)
        is_poison = self._is_poisoned(0.06)
        data = deal(consultant=RATE, service_line="unknown" if is_poison else "advisory").model_copy(
            update={"customer": Reference(id=whose), "opportunity_id": id}
        )
        yield said(CRM, f"{id}-won", id, data, needs=(f"customer/{whose}",), stops=is_poison)
        yield from self._status(id, CRM)

    def _status(self, subject: str, source: str) -> Iterator[Said]:
        chance = self._chance
        for n in range(chance.randint(0, 2)):
            milestone = MilestoneCompleted(milestone_id=f"{source[-3:]}{n}", name="done", completed_on=MONDAY)
            yield said(source, f"{subject}-m{n}", subject, milestone)
            if chance.random() < 0.3:
                yield said(source, f"{subject}-rest{n}", subject, _status("on_hold"), blocks=True)
                yield said(source, f"{subject}-run{n}", subject, _status("active"), blocks=False)

    def _sheet(self, id: str) -> Iterator[Said]:
        chance = self._chance
        project = chance.choice(self.projects)
        reference = Reference(id=project)
        needs = f"project/{project}"
        if chance.random() < 0.4:
            reference = Reference(system="psa", external_id=f"psa-{project}")
            needs = f"external/psa/project/psa-{project}"
        lines = tuple(line(f"L{n}", _hours(chance)) for n in range(chance.randint(1, 3)))
        if chance.random() < 0.3:
            submitted = Submitted(
                legal_entity="DE01", currency="EUR", employee=approved().employee, period=WEEK, project=reference,
                lines=lines,
            )  # fmt: skip
            yield said(PSA, f"{id}-submitted", id, submitted)
        for revision in range(1, chance.choice([1, 1, 2, 3]) + 1):
            is_poison = self._is_poisoned(0.08)
            shown = (*lines, line("odd", "1", role="nobody")) if is_poison else lines
            if revision > 1 and chance.random() < 0.3:
                data: Record = Corrected(
                    legal_entity="DE01", currency="EUR", employee=approved().employee, period=WEEK, project=reference,
                    lines=shown, corrects=revision - 1, reason="wrong",
                )  # fmt: skip
                yield said(PSA, f"{id}-r{revision}", id, data, needs=(needs,), stops=True, books=_money(lines))
            else:
                data = approved(*shown, revision=revision, project=reference)
                yield said(PSA, f"{id}-r{revision}", id, data, needs=(needs,), stops=is_poison, books=_money(lines))
            lines = tuple(each if chance.random() < 0.5 else line(each.line_id, _hours(chance)) for each in lines)

    def _is_poisoned(self, share: float) -> bool:
        is_poison = self._chance.random() < share
        self.poison += is_poison
        return is_poison

    def _merged(self, streams: list[list[Said]]) -> Iterator[Said]:
        """Each subject in its order, and no order across them."""
        rest = [stream for stream in streams if stream]
        while rest:
            stream = self._chance.choice(rest)
            yield stream.pop(0)
            rest = [stream for stream in rest if stream]

    def _spoilt(self, source: str, good: Iterator[Said]) -> list[Said]:
        """With repetitions, ids used again for something else, and what nobody can read."""
        chance = self._chance
        told: list[Said] = []
        for each in good:
            told.append(each)
            kind = chance.random()
            if kind < 0.15:
                told.append(chance.choice(told))
            elif kind < 0.20:
                told.append(_other(chance.choice(told)))
            elif kind < 0.24:
                told.append(unreadable(source, len(told), chance))
        return told


def _other(first: Said) -> Said:
    """The same id with another content."""
    if first.meaning.is_bad:
        return first
    event = json.loads(first.outgoing.body)
    data = event["data"]
    if "employee" in data:
        data["employee"]["name"] = "Somebody else"
    else:
        data["name" if "name" in data else "reason"] += ", or not"
    body = json.dumps(event).encode()
    return Said(replace(first.outgoing, body=body), replace(first.meaning, content=content(body), raw=raw(body)))


def _status(status: str) -> StatusChanged:
    return StatusChanged.model_validate({"status": status, "effective_on": MONDAY, "reason": "planned"})


def _hours(chance: Random) -> str:
    return f"{chance.randint(1, 48) * 25 / 100:.2f}"


def _money(lines: tuple[Line, ...]) -> Decimal:
    """What the lines come to: each rounded by itself, half up, to the cent."""
    cents = Decimal("0.01")
    return sum((Decimal(each.hours * Decimal(RATE)).quantize(cents, ROUND_HALF_UP) for each in lines), Decimal(0))
