"""Makes the firm from a seed: which customers, which deals, whose sheets. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import count, cycle, islice
from random import Random
from typing import Final

from gateway.demo.firm import (
    BRANCHES,
    MONDAY,
    SERVICE_LINES,
    Client,
    Engagement,
    Fate,
    Firm,
    TimeSheet,
    WorkLine,
)
from schemas.values import BillingMethod

CLIENTS: Final = 25
DEALS: Final = 30
SHEETS: Final = 300

UNTAXED_DEALS: Final = 2
"""Deals of the customer without a tax profile; the next deal is that of the customer on hold."""
LATE_DEALS: Final = 4
FIXED_DEALS: Final = 4
"""Fixed fee and retainer: nobody writes time on them, and their status changes."""

_FIXED: Final[tuple[BillingMethod, ...]] = ("fixed_fee", "retainer")
_FIRST: Final = ("Alder", "Beacon", "Cobalt", "Dune", "Ember", "Fjord", "Garnet", "Heath", "Iris", "Juniper")
_SECOND: Final = ("Foods", "Logistics", "Energy", "Textiles", "Optics", "Shipping", "Papers", "Instruments")
_RATES: Final = {
    "analyst": ("96.45", "104.30"),
    "consultant": ("133.35", "145.00"),
    "principal": ("210.00", "224.75"),
}
"""Role -> prices of an hour; with quarter hours some lines end in half a cent, so that rounding shows."""
_TASKS: Final = ("analysis", "design", "build", "workshop")
_LAST_MONTH: Final = date(2026, 10, 28)

_FATES: Final = (
    (Fate.CORRECTED, 12),
    (Fate.REJECTED, 2),
    (Fate.RESUBMITTED, 2),
    (Fate.RESENT, 3),
    (Fate.CONFLICT, 1),
    (Fate.CLOSED_PERIOD, 1),
)
"""How many sheets of each kind at scale 1, of those on healthy engagements; all others are plain."""


def found_firm(random: Random, scale: float) -> Firm:
    """A firm of about `scale` times 25 customers, 30 deals, and 300 sheets; never fewer than show each case."""
    clients = _clients(random, _scaled(CLIENTS, scale, least=8))
    engagements = _engagements(random, clients, _scaled(DEALS, scale, least=16))
    return Firm(clients, engagements, _sheets(random, engagements, _scaled(SHEETS, scale, least=40), scale))


def sister_of(client: Client) -> Client:
    """Another firm of the same group, with the domain of the one that is known: a person must tell them apart."""
    home = client.branches[0]
    return Client("C-9001", f"Zephyr Catering {home.suffix}", f"{home.country}990000001", (home,), domain=client.domain)


def large_deal(client: Client) -> Engagement:
    """A deal that finance must approve: worth much, at a discount."""
    branch = client.branches[0]
    return Engagement(
        f"ENG-2026-901-{branch.code}", 901, client, branch, SERVICE_LINES[0], "fixed_fee",
        fee=Decimal("480000.00"), discount=Decimal("15.00"),
    )  # fmt: skip


def _scaled(amount: int, scale: float, *, least: int) -> int:
    return max(least, round(amount * scale))


def _clients(random: Random, amount: int) -> tuple[Client, ...]:
    """The first has no tax profile, the second is on hold; every fifth trades with two legal entities."""
    clients: list[Client] = []
    for place, home in enumerate(islice(cycle(BRANCHES), amount)):
        others = [other for other in BRANCHES if other is not home]
        branches = (home, random.choice(others)) if place % 5 == 4 else (home,)
        round_, place_of_name = divmod(place, len(_FIRST) * len(_SECOND))
        number = f" {round_ + 1}" if round_ else ""
        second = _SECOND[place_of_name // len(_FIRST)]
        name = f"{_FIRST[place % len(_FIRST)]} {second}{number} {home.suffix}"
        tax_id = f"{home.country}{900_000_000 + place}"
        domain = f"{'-'.join(name.lower().split()[:-1])}.example"
        clients.append(Client(f"C-{1001 + place}", name, tax_id, branches, place != 0, place == 1, domain))
    return tuple(clients)


def _engagements(random: Random, clients: Sequence[Client], amount: int) -> tuple[Engagement, ...]:
    untaxed, on_hold, *healthy = clients
    owners = [untaxed] * UNTAXED_DEALS + [on_hold]
    owners += islice(cycle(healthy), amount - len(owners))
    troubled = UNTAXED_DEALS + 1
    found: list[Engagement] = []
    for place, client in enumerate(owners):
        number, branch = 101 + place, random.choice(client.branches)
        is_late = troubled <= place < troubled + LATE_DEALS
        is_fixed = troubled + LATE_DEALS <= place < troubled + LATE_DEALS + FIXED_DEALS
        method: BillingMethod = random.choice(_FIXED) if is_fixed else "time_and_materials"
        rates = tuple((role, Decimal(random.choice(prices))) for role, prices in _RATES.items())
        found.append(
            Engagement(
                f"ENG-2026-{number}-{branch.code}",
                number,
                client,
                branch,
                random.choice(SERVICE_LINES),
                method,
                rates,
                is_late,
            )
        )
    return tuple(found)


def _sheets(random: Random, engagements: Sequence[Engagement], amount: int, scale: float) -> tuple[TimeSheet, ...]:
    """Each engagement that is billed by time gets its share; those of troubled customers a small one."""
    timed = [each for each in engagements if each.method == "time_and_materials"]
    healthy = [each for each in timed if each.client.is_healthy and not each.is_late]
    numbers = count(1)
    sheets: list[TimeSheet] = []
    for each in timed:
        if not each.client.is_healthy:
            sheets += [_sheet(random, next(numbers), each, Fate.PLAIN) for _ in range(3)]
        elif each.is_late:
            sheets += [_sheet(random, next(numbers), each, Fate.EARLY) for _ in range(_scaled(10, scale, least=3))]
    fates = [fate for fate, share in _FATES for _ in range(_scaled(share, scale, least=1))]
    fates += [Fate.PLAIN] * (amount - len(sheets) - len(fates))
    random.shuffle(fates)
    for fate in fates:
        sheets.append(_sheet(random, next(numbers), random.choice(healthy), fate))
    return tuple(sheets)


def _sheet(random: Random, number: int, engagement: Engagement, fate: Fate) -> TimeSheet:
    amount = 1 if fate is Fate.CLOSED_PERIOD else random.randint(3 if fate is Fate.CORRECTED else 1, 6)
    lines = tuple(_line(random, place, engagement, fate) for place in range(amount))
    return TimeSheet(f"TS-2026-46-{number:04}", engagement, f"E-{1001 + number % 70}", lines, fate)


def _line(random: Random, place: int, engagement: Engagement, fate: Fate) -> WorkLine:
    is_last_month = fate is Fate.CLOSED_PERIOD
    return WorkLine(
        line_id=str(place + 1),
        work_date=_LAST_MONTH if is_last_month else MONDAY + timedelta(days=place % 5),
        hours=Decimal(random.randint(2, 34)) / 4,
        role=random.choice(engagement.rates)[0],
        task=random.choice(_TASKS),
        is_billable=place == 0 or random.random() < 0.85,
    )
