"""Sources that number their events: numbers that come late, out of order, twice, without a number, or never."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from schemas.customer.v1 import CreditChanged
from schemas.project.v1 import MilestoneCompleted
from schemas.record import Record
from schemas.timesheet.v1 import Submitted
from schemas.values import Reference
from tests.actors.firm import MONDAY, WEEK, approved, line
from tests.checker.content import raw
from tests.sim.events import Said, said
from tests.sim.policy import CLOCKS, LEDGER
from tests.sim.spoilt import merged, spoilt
from tests.sim.story import Story, hours, money, status


class Numbered:
    """What the numbering sources send about the keys of a story. `clocks` promises no gaps, `ledger` does not."""

    def __init__(self, chance: Random, story: Story) -> None:
        self._chance = chance
        self._projects = story.projects
        if chance.random() < 0.4:
            self.clocks: list[Said] = []
            self.ledger: list[Said] = []
            return
        clocks = [list(self._sheet(f"N{n}")) for n in range(chance.randint(1, 3))]
        if not story.by_one:
            clocks += [list(self._project(f"psa-{id}")) for id in story.projects if chance.random() < 0.5]
        ledger = [list(self._credit(id)) for id in story.customers if chance.random() < 0.7]
        self.clocks = self._sent(CLOCKS, clocks)
        self.ledger = self._sent(LEDGER, ledger)

    def _sent(self, source: str, series: list[list[Said]]) -> list[Said]:
        """Each series in some disorder, a straggler now and then at the very end."""
        chance = self._chance
        disordered = [self._disorder(each) for each in series]
        late = [each.pop(chance.randrange(len(each))) for each in disordered if len(each) > 1 and chance.random() < 0.3]
        told = spoilt(chance, source, merged(chance, disordered))
        if told and chance.random() < 0.2:
            told.insert(chance.randrange(len(told)), _without_number(chance.choice(told)))
        return [*told, *late]

    def _disorder(self, series: Sequence[Said]) -> list[Said]:
        """Each near its place; now and then one never comes."""
        chance = self._chance
        spread = chance.choice([0.0, 1.5, 2.5, 6.0])
        places = sorted(range(len(series)), key=lambda place: place + chance.uniform(0, spread))
        if len(places) > 1 and chance.random() < 0.3:
            places.remove(chance.choice(places))
        return [series[place] for place in places]

    def _sheet(self, id: str) -> Iterator[Said]:
        """A sheet that is approved again and again: its revision is its number."""
        chance = self._chance
        project = chance.choice(self._projects)
        reference, needs = Reference(id=project), f"project/{project}"
        lines = tuple(line(f"L{n}", hours(chance)) for n in range(chance.randint(1, 2)))
        for number in range(1, chance.randint(2, 6)):
            if number == 1 and chance.random() < 0.3:
                submitted = Submitted(
                    legal_entity="DE01", currency="EUR", employee=approved().employee, period=WEEK, project=reference,
                    lines=lines,
                )  # fmt: skip
                yield said(CLOCKS, f"{id}-1", id, submitted, 1)
                continue
            is_poison = chance.random() < 0.08
            shown = (*lines, line("odd", "1", role="nobody")) if is_poison else lines
            data = approved(*shown, revision=number, project=reference)
            yield said(CLOCKS, f"{id}-{number}", id, data, number, needs=(needs,), stops=is_poison, books=money(lines))
            lines = tuple(each if chance.random() < 0.5 else line(each.line_id, hours(chance)) for each in lines)
            if chance.random() < 0.1:
                again = approved(*lines, revision=number, project=reference)
                yield said(
                    CLOCKS, f"{id}-{number}-too", id, again, number, needs=(needs,), stops=True, books=money(lines)
                )

    def _project(self, subject: str) -> Iterator[Said]:
        """A project under the PSA's own id."""
        for number in range(1, self._chance.randint(2, 5)):
            if self._chance.random() < 0.2:
                yield said(CLOCKS, f"{subject}-{number}", subject, status("active"), number, blocks=False)
            else:
                milestone = MilestoneCompleted(milestone_id=f"N{number}", name="done", completed_on=MONDAY)
                yield said(CLOCKS, f"{subject}-{number}", subject, milestone, number)

    def _credit(self, id: str) -> Iterator[Said]:
        """A customer's credit, by numbers that leave some out."""
        number, is_held = 0, True
        for _ in range(self._chance.randint(1, 4)):
            number += self._chance.choice([1, 1, 3])
            data: Record = CreditChanged(on_hold=is_held, reason="late" if is_held else "paid")
            yield said(LEDGER, f"{id}-credit-{number}", id, data, number)
            is_held = self._chance.random() < 0.3


def _without_number(one: Said) -> Said:
    """The same with its number left away: a source that numbers must do so always."""
    if one.meaning.is_bad:
        return one
    event = json.loads(one.outgoing.body)
    del event["sequence"]
    event["id"] = f"{one.meaning.id}-unnumbered"
    body = json.dumps(event).encode()
    meaning = replace(one.meaning, id=event["id"], raw=raw(body), is_bad=True, sequence=None)
    return Said(replace(one.outgoing, body=body), meaning)
