"""A story's events: what the sources send, in their order, and what each of it means for the checker."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from schemas.customer.v1 import CreditChanged
from schemas.project.v1 import MilestoneCompleted, StatusChanged
from schemas.record import Record
from schemas.timesheet.v1 import Corrected, Line, Submitted
from schemas.values import Reference
from tests.actors.firm import MONDAY, WEEK, approved, customer, deal, line, part
from tests.runtime.firm import CRM, PSA
from tests.sim.events import Said, said
from tests.sim.spoilt import merged, spoilt

RATE: Final = "125.50"


class Story:
    """What one seed tells: some ten keys, each with a few events in order. `crm` and `psa`: what each source sends.

    `by_one`: only the CRM speaks of projects.
    """

    def __init__(self, chance: Random, *, by_one: bool = False) -> None:
        self._chance = chance
        self.by_one = by_one
        self.customers = [f"C{n}" for n in range(chance.randint(2, 3))]
        self.projects = [f"P{n}" for n in range(chance.randint(2, 4))]
        self.sheets = [f"S{n}" for n in range(chance.randint(3, 7))]
        self.shared_tax_id = chance.random() < 0.3
        self.poison = 0
        crm = [list(self._customer(id)) for id in self.customers] + [list(self._project(id)) for id in self.projects]
        psa = [list(self._sheet(id)) for id in self.sheets]
        if not by_one:
            psa += [list(self._status(f"psa-{id}", PSA)) for id in self.projects if chance.random() < 0.5]
        self.crm = spoilt(chance, CRM, merged(chance, crm))
        self.psa = spoilt(chance, PSA, merged(chance, psa))

    def _customer(self, id: str) -> Iterator[Said]:
        chance = self._chance
        tax_id = "DE1" if self.shared_tax_id and id in ("C0", "C1") else None
        for n in range(chance.randint(1, 3)):
            is_poison = self._is_poisoned(0.08)
            data = customer(name=f"{id}-{n}", tax_id=tax_id, tax_profile="odd" if is_poison else "standard")
            yield said(CRM, f"{id}-{n}", id, data, stops=is_poison or tax_id is not None)
            if chance.random() < 0.35:
                yield said(CRM, f"{id}-hold-{n}", id, CreditChanged(on_hold=True, reason="late"))
                if chance.random() < 0.8:
                    yield said(CRM, f"{id}-free-{n}", id, CreditChanged(on_hold=False, reason="paid"))

    def _project(self, id: str) -> Iterator[Said]:
        chance = self._chance
        whose = chance.choice(self.customers)
        is_poison = self._is_poisoned(0.06)
        service_line = "unknown" if is_poison else "advisory"
        data = deal(part(consultant=RATE, service_line=service_line, contract=f"SOW-{id}")).model_copy(
            update={"customer": Reference(id=whose), "opportunity_id": id}
        )
        # A deal that must not go on is applied all the same, with a case: it needs nobody.
        yield said(CRM, f"{id}-won", id, data, stops=is_poison)
        yield from self._status(id, CRM)

    def _status(self, subject: str, source: str) -> Iterator[Said]:
        chance = self._chance
        for n in range(chance.randint(0, 4)):
            milestone = MilestoneCompleted(milestone_id=f"{source[-3:]}{n}", name="done", completed_on=MONDAY)
            yield said(source, f"{subject}-m{n}", subject, milestone)
            if chance.random() < 0.6:
                yield said(source, f"{subject}-rest{n}", subject, status("on_hold"), blocks=True)
                yield said(source, f"{subject}-run{n}", subject, status("active"), blocks=False)

    def _sheet(self, id: str) -> Iterator[Said]:
        chance = self._chance
        project = chance.choice(self.projects)
        reference = Reference(id=project)
        needs = f"project/{project}"
        if chance.random() < 0.4:
            reference = Reference(system="psa", external_id=f"psa-{project}")
            needs = f"external/psa/project/psa-{project}"
        lines = tuple(line(f"L{n}", hours(chance)) for n in range(chance.randint(1, 3)))
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
                yield said(PSA, f"{id}-r{revision}", id, data, needs=(needs,), stops=True, books=money(lines))
            else:
                data = approved(*shown, revision=revision, project=reference)
                yield said(PSA, f"{id}-r{revision}", id, data, needs=(needs,), stops=is_poison, books=money(lines))
            lines = tuple(each if chance.random() < 0.5 else line(each.line_id, hours(chance)) for each in lines)

    def _is_poisoned(self, share: float) -> bool:
        is_poison = self._chance.random() < share
        self.poison += is_poison
        return is_poison


def status(status: str) -> StatusChanged:
    """A project runs, or rests."""
    return StatusChanged.model_validate({"status": status, "effective_on": MONDAY, "reason": "planned"})


def hours(chance: Random) -> str:
    """Some time that was worked: of three lines, no more than a day has."""
    return f"{chance.randint(1, 48) * 15 / 100:.2f}"


def money(lines: tuple[Line, ...]) -> Decimal:
    """What the lines come to: each rounded by itself, half up, to the cent."""
    cents = Decimal("0.01")
    return sum((Decimal(each.hours * Decimal(RATE)).quantize(cents, ROUND_HALF_UP) for each in lines), Decimal(0))
