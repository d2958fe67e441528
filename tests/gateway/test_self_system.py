"""What a command to `self` says, and to whom."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actors.registry import ACTORS
from adapters.ports.outbox import Attempt, LostTime
from gateway.inner import InnerEvent
from gateway.retry import Retries
from gateway.self_system import PROMISE, SOURCE, event_of
from gateway.settlement import Send, next_step
from schemas.commands import SELF, Command, Deferred, Rejected, command_id, command_reference
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.registry import EVENTS, Registry, Version
from schemas.values import Id
from schemas.verdicts import FailureClass
from schemas.vocabulary import Vocabulary

ASKS = ActorKey("engagement", "E-1")


class Trade(Record):
    to: Id
    legal_entity: Id


class TradeAgain(Record):
    to: Id
    legal_entities: Annotated[tuple[Id, ...], Field(strict=False)]


class Aimless(Record):
    legal_entity: Id


def again(trade: Trade) -> TradeAgain:
    return TradeAgain(to=trade.to, legal_entities=(trade.legal_entity,))


ONE = Vocabulary(Registry((Version("customer.trade", 1, Trade, inner=True),)))
TWO = Vocabulary(
    Registry(
        (Version("customer.trade", 1, Trade, again, inner=True), Version("customer.trade", 2, TradeAgain, inner=True))
    )
)
BODY = Trade(to="C-1", legal_entity="DE01").to_json()


def command(body: bytes = BODY, operation: str = "customer.trade", asks: ActorKey = ASKS) -> Command:
    identity = (SELF, operation, asks, "main.customer.1", 1)
    return Command(command_id(*identity), *identity, body, command_reference(asks, "main.customer.1", 1))


def test_the_operation_names_the_event_and_the_body_says_to_whom() -> None:
    asked = command()
    assert event_of(asked, ONE) == InnerEvent(
        SOURCE, str(asked.id), "customer.trade.v1", ActorKey("customer", "C-1"),
        Trade(to="C-1", legal_entity="DE01"), "engagement/E-1/main.customer.1/1",
    )  # fmt: skip


def test_a_release_that_knows_a_newer_version_says_the_same_as_the_one_before() -> None:
    assert event_of(command(), TWO) == event_of(command(), ONE)


def test_a_newer_version_is_said_as_such() -> None:
    body = TradeAgain(to="C-1", legal_entities=("DE01",)).to_json()
    event = event_of(command(body), TWO)
    assert isinstance(event, InnerEvent)
    assert event.type == "customer.trade.v2"


def test_a_reference_that_is_too_long_for_an_attribute_gives_way_to_the_id() -> None:
    asked = command(asks=ActorKey("engagement", "/" * 100))
    event = event_of(asked, ONE)
    assert isinstance(event, InnerEvent)
    assert event.causation_id == str(asked.id)


def test_a_body_that_is_not_of_the_event_is_rejected() -> None:
    rejected = event_of(command(b'{"to":"C-1"}'), ONE)
    assert isinstance(rejected, Rejected)
    assert (rejected.failure.failure_class, rejected.failure.code) == (FailureClass.SCHEMA, "field_missing")
    assert rejected.failure.field == "data.legal_entity"


def test_an_event_that_names_nobody_is_rejected() -> None:
    aimless = Vocabulary(Registry((Version("customer.trade", 1, Aimless, inner=True),)))
    rejected = event_of(command(b'{"legal_entity":"DE01"}'), aimless)
    assert isinstance(rejected, Rejected)
    assert rejected.failure.code == "to_missing"


def test_what_this_release_does_not_know_waits_for_one_that_does() -> None:
    public = Vocabulary(Registry((Version("customer.trade", 1, Trade),)))
    assert isinstance(event_of(command(operation="customer.dance"), ONE), Deferred)
    assert isinstance(event_of(command(), public), Deferred)


def test_it_may_be_sent_again_after_a_silence_and_after_a_restore_and_is_not_asked() -> None:
    silent = [Attempt(1, None, 10**9, None)]
    assert next_step(PROMISE, silent, Retries()) == Send()
    assert next_step(PROMISE, [], Retries(), LostTime(10**9, 1.0)) == Send()


def test_each_event_type_has_an_actor() -> None:
    assert {EVENTS.find(type_).entity for type_ in EVENTS.types} <= ACTORS.keys()
