"""Pals: actors of a simulation that tell each other things by `self`, along routes that a source names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, no_references
from actors.registry import ACTORS
from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS as EXCHANGE
from schemas.codec import STRUCTURED, encode
from schemas.commands import SELF, Result
from schemas.envelope import Attributes
from schemas.record import Record
from schemas.registry import EVENTS, Registry, Version
from schemas.values import Id
from schemas.vocabulary import Vocabulary
from tests.checker.content import content, raw
from tests.checker.evidence import Published
from tests.gateway.toy import NOW, WRONG
from tests.sim.events import Said
from tests.sim.policy import PALS

Route = Annotated[tuple[Id, ...], Field(strict=False)]


class Chat(Record):
    """What the source says to a pal: along each route the first tells the second, and so on."""

    name: Id
    routes: Annotated[tuple[Route, ...], Field(strict=False)] = ()
    is_odd: bool = False
    """Whether it cannot be applied."""


class Told(Record):
    """What one pal tells another, and whom that one tells in turn."""

    to: Id
    name: Id
    rest: Route


class Pal(BaseModel):
    """How much it heard, and how often what it told has arrived."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heard: int = 0
    arrived: int = 0


def decide(state: Pal, event: Event, _context: Context) -> Decision:
    """Pass it on."""
    if isinstance(event, Result):
        return Accept(state.model_copy(update={"arrived": state.arrived + 1}))
    match event.data:
        case Chat(is_odd=True):
            return Reject(WRONG)
        case Chat(name=name, routes=routes):
            return _heard(state, [(f"{name}-{n}", route) for n, route in enumerate(routes)])
        case Told(name=name, rest=rest):
            return _heard(state, [(name, rest)])
        case _:
            return Ignore("not for a pal")


def _heard(state: Pal, routes: Iterable[tuple[str, tuple[str, ...]]]) -> Accept:
    requests = [
        Request(SELF, "pal.told", f"{name}.{len(route)}", Told(to=route[0], name=name, rest=route[1:]))
        for name, route in routes
        if route
    ]
    return Accept(state.model_copy(update={"heard": state.heard + 1}), requests=tuple(requests))


PAL: Final = Actor("pal", Pal, 1, decide, no_references)
SIM_ACTORS: Final[Mapping[str, Actor]] = MappingProxyType({**ACTORS, "pal": PAL})
CHAT: Final = Version("pal.chat", 1, Chat)
SIM_VOCABULARY: Final = Vocabulary(
    Registry(
        (
            *(row for rows in EVENTS._versions.values() for row in rows),
            CHAT,
            Version("pal.told", 1, Told, inner=True),
        )
    )
)


def chats(chance: Random) -> list[Said]:
    """What the source says, some of it twice."""
    told: list[Said] = []
    for said in _chats(chance):
        told.append(said)
        if chance.random() < 0.2:
            told.append(chance.choice(told))
    return told


def _chats(chance: Random) -> Iterator[Said]:
    pals = [f"pal {n}" for n in range(chance.randint(1, 3))]
    for n in range(chance.randint(1, 5)):
        is_odd = chance.random() < 0.1
        routes = tuple(
            tuple(chance.choice(pals) for _ in range(chance.randint(1, 3))) for _ in range(chance.randint(1, 2))
        )
        yield _said(f"chat-{n}", chance.choice(pals), Chat(name=f"{n}", routes=routes, is_odd=is_odd))


def _said(id: str, pal: str, data: Chat) -> Said:
    body = encode(Attributes(PALS, id, CHAT.type, pal, NOW), data)
    published = Published(PALS, id, f"pal/{pal}", CHAT.type, content(body), raw(body), 0, stops=data.is_odd)
    return Said(Outgoing(EXCHANGE, CHAT.name, body, STRUCTURED, {}, message_id=id), published)
