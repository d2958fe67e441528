"""Makes the firm from a seed: which customers, which people, which deals. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import chain, cycle, islice, repeat
from random import Random
from typing import Final

from gateway.demo.firm.model import (
    BRANCHES,
    SERVICE_LINES,
    Arrival,
    Branch,
    Change,
    Client,
    Credit,
    Deal,
    Firm,
    Milestone,
    Person,
    Project,
    monday,
)
from gateway.demo.firm.working import reports_of, sheets_of
from schemas.values import BillingMethod

CLIENTS: Final = 40
PEOPLE: Final = 50
DEALS: Final = 60
REPORTS: Final = 60

LARGE_DEALS: Final = 2
"""Deals that finance must approve."""
SHARED_DEALS: Final = 3
"""Deals of two legal entities."""
FIRST_DEAL: Final = 101

_FIRST: Final = ("Alder", "Beacon", "Cobalt", "Dune", "Ember", "Fjord", "Garnet", "Heath", "Iris", "Juniper")
_SECOND: Final = ("Foods", "Logistics", "Energy", "Textiles", "Optics", "Shipping", "Papers", "Instruments")
_GIVEN: Final = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo", "Ines", "Jon")
_FAMILY: Final = ("Abel", "Brandt", "Cole", "Dietz", "Evans", "Frey", "Grant", "Holm", "Ito", "Jansen")
_RATES: Final = {
    "analyst": ("96.45", "104.30"),
    "consultant": ("133.35", "145.00"),
    "principal": ("210.00", "224.75"),
}
"""Role -> prices of an hour; with quarter hours some lines end in half a cent, so that rounding shows."""
_COSTS: Final = {"analyst": "41.15", "consultant": "58.70", "principal": "92.35"}
_METHODS: Final[tuple[BillingMethod, ...]] = (
    "time_and_materials", "fixed_fee", "time_and_materials", "time_and_materials", "retainer", "time_and_materials",
    "time_and_materials", "time_and_materials", "fixed_fee", "time_and_materials",
)  # fmt: skip
_RAISE: Final = Decimal("1.06")
_FEE: Final = Decimal("48000.00")
_RETAINER: Final = Decimal("7500.00")
_LARGE_FEE: Final = Decimal("480000.00")
_LATE_CHANGES: Final = (
    (Arrival.BACK_DATED,),
    (Arrival.WITHOUT_AUTHORITY,),
    (Arrival.IN_TIME, Arrival.BEFORE_ITS_PREDECESSOR),
)
"""Of the first projects that have change orders; all others come in time."""
_SHIFT: Final = Decimal("1250.00")
"""What a change order moves from the last instalment to the one before."""


def found_firm(random: Random, scale: float) -> Firm:
    """A firm of about `scale` times 40 customers, 50 people, and 60 deals; never fewer than show each case."""
    clients = _clients(random, _scaled(CLIENTS, scale, least=12))
    people = _people(random, _scaled(PEOPLE, scale, least=9))
    deals = _changed(_deals(random, clients, _scaled(DEALS, scale, least=24)))
    projects = [project for deal in deals for project in deal.projects]
    sheets = sheets_of(random, people, projects, scale)
    return Firm(clients, people, deals, sheets, reports_of(random, sheets, _scaled(REPORTS, scale, least=6)))


def sister_of(client: Client) -> Client:
    """Another firm of the same group, with the domain of the one that is known: a person must tell them apart."""
    home = client.branches[0]
    return Client("C-9001", f"Zephyr Catering {home.suffix}", f"{home.country}990000001", (home,), client.domain)


def _scaled(amount: int, scale: float, *, least: int) -> int:
    return max(least, round(amount * scale))


def _clients(random: Random, amount: int) -> tuple[Client, ...]:
    """The first three have trouble with their credit; every fifth trades with two legal entities."""
    troubled = (Credit.UNTAXED, Credit.ON_HOLD, Credit.RELEASED)
    clients: list[Client] = []
    for place, home in enumerate(islice(cycle(BRANCHES), amount)):
        others = [other for other in BRANCHES if other is not home]
        branches = (home, random.choice(others)) if place % 5 == 4 else (home,)
        round_, place_of_name = divmod(place, len(_FIRST) * len(_SECOND))
        number = f" {round_ + 1}" if round_ else ""
        name = f"{_FIRST[place % len(_FIRST)]} {_SECOND[place_of_name // len(_FIRST)]}{number} {home.suffix}"
        domain = f"{'-'.join(name.lower().split()[:-1])}.example"
        credit = troubled[place] if place < len(troubled) else Credit.GOOD
        tax_id = f"{home.country}{900_000_000 + place}"
        clients.append(Client(f"C-{1001 + place}", name, tax_id, branches, domain, credit))
    return tuple(clients)


def _people(random: Random, amount: int) -> tuple[Person, ...]:
    """Of each ten four are in the first legal entity, and three in each other; every tenth is told of late."""
    homes = [BRANCHES[place] for place in (0, 1, 2, 0, 1, 2, 0, 1, 2, 0)]
    roles = random.choices(tuple(_RATES), weights=(4, 4, 2), k=amount)
    return tuple(
        Person(
            id=f"E-{1001 + place}",
            name=f"{_GIVEN[place % 10]} {_FAMILY[(place // 10 + place) % 10]}",
            branch=homes[place % 10],
            role=role,
            cost_rate=Decimal(_COSTS[role]),
            is_late=place % 10 == 7,
        )
        for place, role in enumerate(roles)
    )


def _deals(random: Random, clients: Sequence[Client], amount: int) -> tuple[Deal, ...]:
    untaxed, on_hold, *rest = clients
    shared = [client for client in rest if len(client.branches) > 1]
    owners = [untaxed, on_hold, *islice(cycle(rest), LARGE_DEALS), *islice(cycle(shared), SHARED_DEALS)]
    owners += islice(cycle(rest), amount - len(owners))
    deals: list[Deal] = []
    for place, client in enumerate(owners):
        number = FIRST_DEAL + place
        is_large = place in range(2, 2 + LARGE_DEALS)
        is_shared = place in range(2 + LARGE_DEALS, 2 + LARGE_DEALS + SHARED_DEALS)
        branches = client.branches if is_shared else client.branches[:1]
        ordinary = place - 2 - LARGE_DEALS - SHARED_DEALS
        method: BillingMethod = "fixed_fee" if is_large else _METHODS[max(0, ordinary) % len(_METHODS)]
        projects = [_project(random, client, branch, number, method, is_large=is_large) for branch in branches]
        if is_shared:
            projects = [_named(project, project.branch.code) for project in projects]
        deals.append(
            Deal(
                id=f"ENG-2026-{number}",
                number=number,
                client=client,
                projects=tuple(projects),
                is_late=ordinary > 0 and ordinary % 6 == 3,
                discount=Decimal("15.00") if is_large else None,
            )
        )
    return tuple(deals)


def _project(
    random: Random, client: Client, branch: Branch, number: int, method: BillingMethod, *, is_large: bool
) -> Project:
    fee = {"fixed_fee": _LARGE_FEE if is_large else _FEE, "retainer": _RETAINER}.get(method)
    return Project(
        id=f"ENG-2026-{number}",
        contract=f"SOW-2026-{number}",
        client=client,
        branch=branch,
        service_line=random.choice(SERVICE_LINES),
        method=method,
        rates={role: Decimal(random.choice(prices)) for role, prices in _RATES.items()},
        fee=fee,
        milestones=_instalments(fee) if method == "fixed_fee" and fee is not None else (),
    )


def _named(project: Project, code: str) -> Project:
    """One of several projects of a deal."""
    return replace(project, id=f"{project.id}-{code}", contract=f"{project.contract}-{code}")


def _instalments(fee: Decimal) -> tuple[Milestone, ...]:
    first, second = (fee * 3 / 10).quantize(Decimal("0.01")), (fee * 4 / 10).quantize(Decimal("0.01"))
    return (
        Milestone("M-1", "Concept accepted", first, 3),
        Milestone("M-2", "Pilot in use", second, 8),
        Milestone("M-3", "Handed over", fee - first - second, None),
    )


def _changed(deals: Sequence[Deal]) -> tuple[Deal, ...]:
    """The deals with their change orders: on every fourth project by time, on every third with a fixed fee."""
    arrivals = chain(_LATE_CHANGES, repeat((Arrival.IN_TIME,)))
    timed = fixed = 0
    changed: list[Deal] = []
    for deal in deals:
        (project, *others), may_change = deal.projects, deal.client.credit is Credit.GOOD and not deal.is_late
        if may_change and project.is_by_time:
            timed += 1
            if timed % 4 == 1:
                project = replace(project, changes=_raises(project, next(arrivals)))
        elif may_change and project.milestones and deal.discount is None:
            fixed += 1
            if fixed % 3 == 1:
                project = replace(project, changes=(_shift(project),))
        changed.append(replace(deal, projects=(project, *others)))
    return tuple(changed)


def _raises(project: Project, arrivals: Sequence[Arrival]) -> tuple[Change, ...]:
    """Higher prices: for the last two weeks where they come late, so that few sheets are billed anew."""
    changes: list[Change] = []
    rates = project.rates
    for place, arrival in enumerate(arrivals):
        rates = {role: (rate * _RAISE).quantize(Decimal("0.01")) for role, rate in rates.items()}
        is_late = arrival in {Arrival.BACK_DATED, Arrival.WITHOUT_AUTHORITY}
        changes.append(Change(2 + place, monday(10 if is_late else 7 + 2 * place), arrival, rates=rates))
    return tuple(changes)


def _shift(project: Project) -> Change:
    """More is billed with the second milestone, and as much less with the last."""
    first, second, last = project.milestones
    schedule = (
        first, replace(second, amount=second.amount + _SHIFT), replace(last, amount=last.amount - _SHIFT),
    )  # fmt: skip
    return Change(2, monday(5), Arrival.IN_TIME, schedule=schedule)
