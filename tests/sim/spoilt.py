"""What sources do to their own events: they send twice, use an id again, and send what nobody can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

from tests.actors.firm import customer
from tests.checker.content import content, raw
from tests.sim.events import Said, said


def merged(chance: Random, streams: Iterable[list[Said]]) -> Iterator[Said]:
    """Each subject in its order, and no order across them."""
    rest = [stream for stream in streams if stream]
    while rest:
        stream = chance.choice(rest)
        yield stream.pop(0)
        rest = [stream for stream in rest if stream]


def spoilt(chance: Random, source: str, good: Iterator[Said]) -> list[Said]:
    """With repetitions, ids used again for something else, and what nobody can read."""
    told: list[Said] = []
    for each in good:
        told.append(each)
        kind = chance.random()
        if kind < 0.15:
            told.append(chance.choice(told))
        elif kind < 0.20:
            told.append(_other(chance.choice(told)))
        elif kind < 0.24:
            told.append(_unreadable(source, len(told), chance))
    return told


def _unreadable(source: str, number: int, chance: Random) -> Said:
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
