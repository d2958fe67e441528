"""Lists: each one of the API, with each of its filters, beside one row that is read by an index, over HTTP.

What a filter is asked for is common, or rare and at the far end. The answer takes as long as its page is; so each
page has as many rows as the API gives unless asked otherwise, but for those that are short by what was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from statistics import median
from typing import Final, NamedTuple

import aiohttp

from bench import seed, stored
from bench.checks import WrongRound
from bench.part import Found, Say
from bench.served import TOKEN, Running, sandbox_erp, served
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes
from gateway.http.answers import cursor_of

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "/v1/messages": (
        "", "cursor={message}", "id=restart", "source=urn:example:psa", "source=urn:example:rare",
        "source=urn:example:none",
        *(f"verdict={verdict}" for verdict in (
            "queued", "waiting", "backoff", "parked", "conflict", "applied", "ignored", "stale", "superseded",
            "rejected", "discarded",
        )),
        "source=urn:example:rare&verdict=applied", "source=urn:example:psa&verdict=stale",
    ),
    "/v1/lanes": ("", "cursor={lane}", "state=parked", "state=waiting", "state=open"),
    "/v1/lanes/{entity}/{key}": ("",),
    "/v1/entities/{entity}/{key}": ("",),
    "/v1/pauses": ("", "cursor={pause}"),
    "/v1/systems": ("",),
    "/v1/cases": (
        "", "cursor={case}", "state=closed", "class=business_rule", "class=timeout", "class=internal", "owner=finance",
        "owner=sales-ops", "owner=sre", "owner=nobody", "assignee=erin", "assignee=nobody", "entity=timesheet",
        "entity=project", "key=TS-PARKED-{last}", "key=TS-none", "fingerprint={fingerprint}", "fingerprint=none",
        "state=closed&class=mapping", "state=closed&class=timeout", "state=closed&owner=sre",
        "state=closed&assignee=erin", "state=closed&entity=project", "state=closed&key=TS-none",
        "state=closed&fingerprint=none", "group=true", "group=true&cursor={group}", "group=true&state=closed",
        "group=true&class=business_rule", "group=true&class=timeout", "group=true&owner=finance",
        "group=true&owner=nobody", "group=true&assignee=erin", "group=true&entity=timesheet",
        "group=true&key=TS-PARKED-{last}", "group=true&fingerprint={fingerprint}",
    ),
    "/v1/dead-letters": (
        "", "cursor={letter}", "state=admitted", "state=discarded", "class=schema", "class=auth", "class=internal",
        "code=field_missing", "code=user_unknown", "code=none", "queue=tallystick.timesheet",
        "queue=tallystick.customer",
    ),
    "/v1/mappings": ("", "cursor={number}"),
    "/v1/schemas": ("", "cursor={use}"),
    "/v1/api-keys": ("", "cursor={number}"),
    "/v1/bindings": (
        "", "cursor={external}", "system=psa", "system=crm", "system=erp", "kind=timesheet", "kind=customer",
        "entity=timesheet", "entity=project", "key=TS-0", "key=TS-7", "external_id=7", "external_id=none",
    ),
    "/v1/reconciliations": ("", "cursor={number}", "system=erp", "system=psa", "system=none"),
    "/v1/reconciliations/{id}/differences": ("", "cursor={number}", "kind=missing", "kind=twice", "kind=extra"),
    "/v1/reconciliations/{id}/compare": (
        "with=2&change=new", "with=2&change=still", "with=2&change=gone&cursor={number}",
    ),
    "/v1/replays/plans": ("", "cursor={number}"),
    "/v1/replays": ("", "cursor={number}"),
    "/v1/replays/{id}/items": (
        "", "cursor={number}", "outcome=as_planned", "outcome=otherwise", "outcome=moved", "predicted=applied",
        "predicted=stale", "predicted=parked",
    ),
    "/v1/audit": (
        "", "cursor={number}", "actor=ops", "actor=erin", "actor=none", "action=lane.retry", "action=lane",
        "action=pause", "action=none", "entity=timesheet", "entity=project", "entity=none", "key=TS-0", "key=none",
        "since=2020-01-01T00:00:00Z", "since=2100-01-01T00:00:00Z", "until=2020-01-01T00:00:00Z",
        "until=2100-01-01T00:00:00Z", "entity=timesheet&key=TS-0",
    ),
}  # fmt: skip
"""The queries by the template of their route. A test holds this against all routes and what they may be asked."""
ONE: Final = "/v1/messages/{ref}"
NO_LISTS: Final = frozenset({
    ONE, "/v1/status", "/v1/me", "/v1/messages/{ref}/payload", "/v1/systems/{name}", "/v1/cases/{id}", "/v1/cases.csv",
    "/v1/dead-letters/{digest}", "/v1/dead-letters/{digest}/payload", "/v1/reconciliations/{id}",
    "/v1/replays/plans/{id}", "/v1/replays/{id}", "/v1/kpis", "/v1/audit/head", "/v1/audit/verify", "/v1/restore",
})  # fmt: skip
"""What answers one thing, figures, or a file of everything."""
NAMES: Final = """
    SELECT i.ref, c.fingerprint, d.first_at, encode(d.digest, 'hex') AS digest
    FROM (SELECT ref FROM tallystick.inbox ORDER BY ref OFFSET $1 LIMIT 1) i,
         (SELECT fingerprint FROM tallystick.cases ORDER BY id LIMIT 1) c,
         (SELECT first_at, digest FROM tallystick.dead_letter ORDER BY first_at OFFSET $1 LIMIT 1) d
"""
TIMES: Final = 9
"""That each list is asked for; the median counts."""
QUIET: Final = 0.1
"""Share of a core below which the process has caught up with what it found at its start."""
LONGEST_SECONDS: Final = 300.0
SHOWN: Final = 5
"""Lists that are named, the slowest first."""


class Beside(NamedTuple):
    """Milliseconds of each time, of the row and of the list."""

    row: list[float]
    list: list[float]


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """The slowest list beside the single row, and how long each took."""
    async with fresh(servers) as place, sandbox_erp() as erp:
        await seed.prepare(place)
        await stored.fill(place, sizes, say)
        names = await _names(place, sizes)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with served(place, erp) as gateway, aiohttp.ClientSession(gateway.api, headers=headers) as api:
            await _quiet(gateway, api)
            row, taken = ONE.format(ref=names["ref"]), {}
            for path, queries in LISTS.items():
                for query in queries:
                    asked = f"{path}?{query}".format_map(names)
                    taken[asked] = await _beside(api, row, asked)
    slowest = sorted(((median(each.list) / median(each.row), asked) for asked, each in taken.items()), reverse=True)
    for times, asked in slowest[:SHOWN]:
        say(f"lists: {times:.1f} x one row: {asked}")
    return Found(
        {asked: [round(each, 2) for each in beside.list] for asked, beside in taken.items()},
        {
            "lists": slowest[0][0],
            "list ms": median(median(each.list) for each in taken.values()),
            "row ms": median(median(each.row) for each in taken.values()),
        },
        [f"{asked} took {times:.1f} times as long as one row" for times, asked in slowest[:SHOWN]],
    )


async def _names(place: Place, sizes: Sizes) -> Mapping[str, str]:
    """What stands for the braces of paths and queries; cursors lie in the middle of their lists."""
    middle, found = sizes.stored_cases // 2, await place.fetch(NAMES, sizes.stored_cases // 2)
    row = found[0]
    return {
        "entity": "timesheet", "key": stored.KEY, "id": "1", "ref": str(row["ref"]), "last": str(sizes.stored - 1),
        "fingerprint": row["fingerprint"], "message": cursor_of(row["ref"]),
        "lane": cursor_of(("timesheet", f"TS-PARKED-{sizes.stored - middle}")), "case": cursor_of(middle),
        "group": cursor_of((middle, "8", "")), "letter": cursor_of((row["first_at"], row["digest"])),
        "number": cursor_of(stored.FEW // 2),
        "external": cursor_of(("psa", "timesheet", str(middle))), "pause": cursor_of(stored.PAUSED // 2),
        "use": cursor_of((f"urn:example:{stored.FEW // 2}", stored.TYPE)),
    }  # fmt: skip


async def _quiet(gateway: Running, api: aiohttp.ClientSession) -> None:
    """The process answers, and has nothing left to do."""
    used = 0.0

    async def is_quiet() -> bool:
        nonlocal used
        before, used = used, gateway.cpu_seconds
        try:
            async with api.get("/v1/me") as response:
                return response.status < 500 and used - before < QUIET
        except aiohttp.ClientConnectionError:
            return False

    await gateway.until(is_quiet, LONGEST_SECONDS, "it was quiet", 1.0)


async def _beside(api: aiohttp.ClientSession, row: str, asked: str) -> Beside:
    """The list and the row in turn, after one of each to warm up: others may use the machine, and not all the time."""
    found = Beside([], [])
    for _ in range(1 + TIMES):
        found.row.append(await _milliseconds(api, row))
        found.list.append(await _milliseconds(api, asked))
    return Beside(found.row[1:], found.list[1:])


async def _milliseconds(api: aiohttp.ClientSession, asked: str) -> float:
    """Until all of the answer is there. Raises `WrongRound` for a refusal."""
    began = time.perf_counter()
    async with api.get(asked) as response:
        answer = await response.read()
    if response.status != HTTPStatus.OK:
        raise WrongRound(f"{asked}: {response.status} {answer[:500]!r}")
    return (time.perf_counter() - began) * 1000
