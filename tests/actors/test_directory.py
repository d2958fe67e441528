"""Directory: names of a country's customers that begin alike."""

from __future__ import annotations

from actors.entities.directory import ACTOR, MOST
from schemas.commands import SELF
from schemas.customer.v1 import Alike, Resembles
from schemas.directory.entity import Directory, Entry
from schemas.directory.v1 import Listed, Unlisted
from schemas.keys import ActorKey
from schemas.project.v1 import Activated
from tests.actors.firm import MONDAY
from tests.actors.stage import REFUSED, Given, accepted, event_of, reason_to_ignore, refusal

KEY = ActorKey("directory", "DE/shi")
NEW = Given(ACTOR, KEY, Directory())


def listed(customer: str, name: str, *distinct_from: str) -> Listed:
    return Listed(to=KEY.id, customer=customer, name=name, distinct_from=distinct_from)


def test_a_customer_is_listed_renamed_and_taken_off() -> None:
    given = NEW.after(listed("C-1", "shipyard"), listed("C-1", "shipping"))
    assert given.state == Directory(entries={"C-1": Entry(name="shipping")})
    assert given.after(Unlisted(to=KEY.id, customer="C-1")).state == Directory()


def test_what_it_knows_already_is_no_news() -> None:
    given = NEW.after(listed("C-1", "shipyard"))
    assert reason_to_ignore(given.when(listed("C-1", "shipyard")))
    assert reason_to_ignore(given.when(Unlisted(to=KEY.id, customer="C-2")))


def test_of_two_that_come_at_the_same_time_the_second_is_told() -> None:
    # Given a customer that is listed, which the second could not know yet
    given = NEW.after(listed("C-1", "shipyard north"))
    # When the second is listed with nearly its name
    decision = accepted(given.when(listed("C-2", "shipyard norht")))
    # Then it is listed too, and told whom it resembles
    (request,) = decision.requests
    assert (request.system, request.operation) == (SELF, "customer.resembles")
    assert request.body == Resembles(to="C-2", others=(Alike(customer="C-1", name="shipyard north", score=92),))
    # And one that a person has told apart is told nothing
    assert NEW.after(listed("C-1", "shipyard north")).asked(listed("C-2", "shipyard norht", "C-1")) == ()


def test_it_is_bounded() -> None:
    full = Given(ACTOR, KEY, Directory(entries={f"C-{n}": Entry(name=f"ship {n}") for n in range(MOST)}))
    assert "full" in reason_to_ignore(full.when(listed("C-new", "shipyard")))
    assert len(full.after(listed("C-1", "shipyard")).state.model_dump()["entries"]) == MOST


def test_that_the_customer_was_told_is_no_news_and_a_refusal_is() -> None:
    given = NEW.after(listed("C-1", "shipyard north"))
    (request,) = given.asked(listed("C-2", "shipyard norht"))
    assert reason_to_ignore(given.when(given.confirmed(request)))
    assert refusal(given.when(given.refused(request))) == REFUSED


def test_an_event_of_another_entity_changes_nothing() -> None:
    foreign = event_of(KEY, Activated(activated_on=MONDAY)).data
    assert "project.activated.v1" in reason_to_ignore(NEW.when(foreign))
