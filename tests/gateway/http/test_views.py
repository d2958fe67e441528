"""What the API shows: counts, messages without bodies, lanes with their head, dead letters; page by page."""

from __future__ import annotations

import pytest

from adapters.ports.gate import Heard, Speech
from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.overdue import Term
from adapters.ports.turns import Settlement
from adapters.postgres.outbox import PostgresOutbox
from schemas.commands import Command
from schemas.keys import ActorKey, external_key
from schemas.verdicts import FailureClass, LaneState
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    command,
    message,
    queued,
    send_lane,
    settled,
    uuid,
    waiting,
)
from tests.gateway.http.stand import BODY, FAILURE, TOKEN, Page, Stand
from tests.gateway.http.test_systems import ONCE, hear

ODD = external_key("psa", "project", "a/b %{c}?#ä+")
ODD_PATH = "/v1/lanes/external/psa%2Fproject%2Fa%2Fb%20%25%7Bc%7D%3F%23%C3%A4+"


async def walk(stand: Stand, path: str) -> list[Page]:
    """The pages of a list, by its Link headers."""
    pages = [await stand.get(path)]
    while link := pages[-1].headers.get("Link"):
        assert len(pages) < 20
        target, _, relation = link.partition("; ")
        assert relation == 'rel="next"'
        pages.append(await stand.get(target.strip("<>")))
        assert pages[-1].status == 200
    assert [page.json["next"] is None for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages


async def sends(stand: Stand) -> list[tuple[str, str, str | None]]:
    """System, state, and reason of the commands of one key."""
    lane = (await stand.get("/v1/lanes/timesheet/T-1")).json["lane"]
    assert isinstance(lane, dict)
    return [(row["system"], row["state"], row["reason"]) for row in lane["commands"]]


def column(pages: list[Page], name: str) -> list[object]:
    return [row[name] for page in pages for row in page.items]


class TestStatus:
    async def test_it_counts_what_stands_open(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"), message("e2"))
        await stand.commit(asking(applied((await stand.commits.load([PROJECT]))[PROJECT], message("p1")), command()))
        await stand.bury("one")
        status = (await stand.get("/v1/status")).json
        assert {"version", "ready", "checks", "restore", "open"} == set(status)
        open_work = status["open"]
        assert isinstance(open_work, dict)
        [lane] = open_work["lanes"]
        assert lane["oldest"].endswith("Z")
        assert {**lane, "oldest": None} == {
            "entity": "timesheet", "state": "parked", "lanes": 1, "messages": 2, "oldest": None,
        }  # fmt: skip
        assert open_work["conflicts"] == 0
        assert open_work["commands"] == [{"system": "erp", "commands": 1, "parked": 0}]
        assert open_work["cases"] == [{"failure_class": "mapping", "owner": None, "cases": 1}]
        assert open_work["dead_letters"] == 1
        assert open_work["notices"] == 3


class TestMessages:
    async def test_one_is_shown_without_its_body(self, stand: Stand) -> None:
        shown = message("e1", body=BODY)
        await stand.park(SHEET, shown)
        page = await stand.get(f"/v1/messages/{shown.ref}")
        assert page.status == 200
        assert b"secret" not in page.content
        assert str(page.json.pop("received_at")).endswith("Z")
        assert {**page.json, "received_at": None} == {
            "ref": str(shown.ref), "source": "psa", "id": "e1", "type": "timesheet.approved.v1",
            "entity": "timesheet", "key": "T-1", "verdict": "parked", "reason": FAILURE.reason, "attempts": 0,
            "position": 1, "received_at": None, "bytes": len(BODY),
        }  # fmt: skip

    async def test_one_that_is_not_there(self, stand: Stand) -> None:
        page = await stand.get(f"/v1/messages/{uuid('none')}")
        assert (page.status, page.json["type"]) == (404, "/problems/message-not-found")
        assert str(uuid("none")) in page.detail
        assert (await stand.get("/v1/messages/4711")).status == 400

    async def test_they_come_newest_first_in_pages(self, stand: Stand) -> None:
        messages = [message(f"e{number}") for number in range(7)]
        await stand.commit(applied((await stand.commits.load([SHEET]))[SHEET], *messages))
        pages = await walk(stand, "/v1/messages?limit=3")
        assert [len(page.items) for page in pages] == [3, 3, 1]
        assert column(pages, "ref") == sorted((str(each.ref) for each in messages), reverse=True)

    async def test_they_are_found_by_source_verdict_and_id(self, stand: Stand) -> None:
        row = (await stand.commits.load([SHEET]))[SHEET]
        await stand.commit(applied(row, message("e1"), message("e1", source="crm"), message("e2", source="crm")))
        await stand.park(OTHER_SHEET, message("e3", source="crm"), message("e4", source="crm"))

        async def found(query: str) -> set[tuple[object, object]]:
            pages = await walk(
                stand, f"/v1/messages?limit=1&{query}" if "id=" not in query else f"/v1/messages?{query}"
            )
            return set(zip(column(pages, "source"), column(pages, "id"), strict=True))

        assert await found("source=psa") == {("psa", "e1")}
        assert await found("source=crm&verdict=applied") == {("crm", "e1"), ("crm", "e2")}
        assert await found("verdict=parked") == {("crm", "e3")}
        assert await found("verdict=stale") == set()
        assert await found("id=e1") == {("psa", "e1"), ("crm", "e1")}
        assert await found("id=e1&source=crm") == {("crm", "e1")}
        assert await found("id=e1&verdict=parked") == set()
        assert await found("id=none") == set()


class TestLanes:
    async def test_one_has_its_head_and_its_messages_in_order(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"), message("e2"))
        shown = (await stand.get("/v1/lanes/timesheet/T-1")).json
        lane, messages = shown["lane"], shown["messages"]
        assert isinstance(lane, dict)
        assert isinstance(messages, list)
        assert lane.pop("since").endswith("Z")
        first = await stand.get(f"/v1/messages/{message('e1').ref}")
        assert lane.pop("oldest") == first.json["received_at"]
        assert lane == {
            "entity": "timesheet", "key": "T-1", "state": "parked", "depth": 2, "head": str(message("e1").ref),
            "reason": FAILURE.reason, "retry_at": None, "waits_for": None, "bound_to": None, "entity_version": 0,
            "parked_commands": [], "commands": [], "blocked": {},
        }  # fmt: skip
        assert [(each["id"], each["verdict"]) for each in messages] == [("e1", "parked"), ("e2", "queued")]

    async def test_an_empty_one_shows_the_commands_that_hold_its_key(self, stand: Stand, database_url: str) -> None:
        outbox = PostgresOutbox(database_url)
        await stand.commit(asking(applied((await stand.commits.load([SHEET]))[SHEET], message("e1")), command()))
        [leased] = (await outbox.claim([send_lane()], holder=uuid("us"), token=uuid("token"))).leased
        ended = Ended(
            leased.command, leased.token, leased.attempt, Ending.REJECTED, None, FAILURE.failure_class, FAILURE.code,
            FAILURE.reason, None,
        )  # fmt: skip
        await outbox.record([ended])
        row = (await stand.commits.load([SHEET]))[SHEET]
        await stand.commit(settled(row, (command(), leased.token), settlement=Settlement.PARKED))
        await outbox.close()
        lane = (await stand.get("/v1/lanes/timesheet/T-1")).json["lane"]
        assert isinstance(lane, dict)
        assert (lane["depth"], lane["head"], lane["state"]) == (0, None, "open")
        assert lane["parked_commands"] == [
            {
                "id": str(command().id), "system": "erp", "operation": "billable.create",
                "reference": "timesheet/T-1/1/1", "reason": "refused", "attempts": 1,
            }
        ]  # fmt: skip
        [commands] = lane["commands"]
        assert (commands["state"], commands["depth"], commands["reason"]) == ("parked", 1, "refused")

    async def test_what_the_commands_of_its_key_wait_for_is_shown_by_system(
        self, stand: Stand, database_url: str
    ) -> None:
        outbox = PostgresOutbox(database_url)
        asked = [command(system=system, line=line) for system, line in (("erp", "1"), ("erp", "2"), ("psa", "1"))]
        await stand.commit(asking(applied((await stand.commits.load([SHEET]))[SHEET], message("e1")), *asked))

        async def shown() -> list[dict[str, object]]:
            lane = (await stand.get("/v1/lanes/timesheet/T-1")).json["lane"]
            assert isinstance(lane, dict)
            for row in lane["commands"]:
                assert row.pop("since").endswith("Z")
            rows: list[dict[str, object]] = lane["commands"]
            return rows

        base = {
            "operation": "billable.create", "reason": None, "due_at": None, "attempts": 0, "overdue": False,
            "found_reference": None, "found_id": None,
        }  # fmt: skip
        assert await shown() == [
            base | {"system": "erp", "depth": 2, "head": str(asked[0].id), "reference": asked[0].reference,
                    "state": "due"},
            base | {"system": "psa", "depth": 1, "head": str(asked[2].id), "reference": asked[2].reference,
                    "state": "due"},
        ]  # fmt: skip
        pause = await stand.post("/v1/pauses", {"reason": "look", "entity": "timesheet"})
        assert [(row["state"], row["reason"]) for row in await shown()] == [
            ("held", "paused by an operator: see GET /v1/pauses")
        ] * 2
        assert pause.status == 200
        await stand.post("/v1/restore", {"since": "2026-03-06T17:00:00Z", "reason": "base"})
        assert [(row["state"], row["reason"]) for row in await shown()] == [
            ("held", "a restore is held: see `tallystick restore show`")
        ] * 2
        await stand.post("/v1/restore/release", {"reason": "checked"})
        path = f"/v1/pauses/{pause.json['id']}?reason=done"
        resumed = await stand.api("DELETE", path, Authorization=f"Bearer {TOKEN}")
        assert resumed.status == 200
        [leased] = (await outbox.claim([send_lane()], holder=uuid("us"), token=uuid("token"))).leased
        # and no number that somebody could settle it by, which would be the same once this attempt has landed
        assert [(row["state"], row["attempts"]) for row in await shown()] == [("sending", None), ("due", 0)]
        ended = Ended(leased.command, leased.token, leased.attempt, Ending.DEFERRED, None, FailureClass.UNAVAILABLE,
                      "connect_failed", "the system took no connection", 60.0)  # fmt: skip
        await outbox.record([ended])
        await outbox.close()
        [held, due] = await shown()
        assert (held["state"], held["reason"]) == ("held", "the system took no connection")
        assert held["attempts"] == 1
        assert str(held["due_at"]).endswith("Z")
        assert due["state"] == "due"

    @pytest.mark.parametrize(
        ("heard", "said"),
        [
            (Heard(Speech.FAILED, ONCE), "erp fails and is left alone: see GET /v1/systems/erp"),
            (Heard(Speech.NEITHER, ONCE, 600), "erp asked us to come back later: see GET /v1/systems/erp"),
            (Heard(Speech.REFUSED, ONCE), "erp is paused: see GET /v1/systems/erp"),
        ],
        ids=["breaker", "wait", "refused"],
    )
    async def test_commands_that_the_gate_of_their_system_holds_say_so(
        self, stand: Stand, heard: Heard, said: str
    ) -> None:
        await hear(stand, heard)
        row = (await stand.commits.load([SHEET]))[SHEET]
        await stand.commit(asking(applied(row, message("e2")), command(line="1", system="psa")))
        assert await sends(stand) == [("erp", "held", said), ("psa", "due", None)]
        assert (await stand.post("/v1/systems/erp/resume", {"reason": "mended"})).status == 200
        assert [state for _, state, _ in await sends(stand)] == ["due", "due"]

    async def test_commands_to_a_paused_system_say_so(self, stand: Stand) -> None:
        await stand.commit(asking(applied((await stand.commits.load([SHEET]))[SHEET], message("e1")), command()))
        await stand.post("/v1/systems/erp/pause", {"reason": "month end"})
        assert await sends(stand) == [("erp", "held", "erp is paused: see GET /v1/systems/erp")]

    async def test_a_waiting_one_names_what_it_waits_for(self, stand: Stand) -> None:
        await stand.commit(waiting((await stand.commits.load([SHEET]))[SHEET], message("e1"), PROJECT, 0))
        lane = (await stand.get("/v1/lanes/timesheet/T-1")).json["lane"]
        assert isinstance(lane, dict)
        assert lane["waits_for"] == {"entity": "project", "key": "P-1"}

    async def test_a_bound_external_key_names_ours(self, stand: Stand) -> None:
        turn = applied((await stand.commits.load([PROJECT]))[PROJECT], message("p1"))
        turn.binds.append(EXTERNAL_PROJECT)
        await stand.commit(turn)
        lane = (await stand.get("/v1/lanes/external/psa%2Fproject%2F4711")).json["lane"]
        assert isinstance(lane, dict)
        assert lane["bound_to"] == {"entity": "project", "key": "P-1"}

    async def test_any_key_can_be_named(self, stand: Stand) -> None:
        row = (await stand.commits.load([ODD]))[ODD]
        await stand.commit(queued(row, message("e1"), state=LaneState.WAITING))
        page = await stand.get(ODD_PATH)
        assert page.status == 200
        lane = page.json["lane"]
        assert isinstance(lane, dict)
        assert (lane["entity"], lane["key"]) == ODD

    async def test_one_that_was_never_seen(self, stand: Stand) -> None:
        page = await stand.get("/v1/lanes/timesheet/T-0")
        assert (page.status, page.json["type"]) == (404, "/problems/lane-not-found")
        assert "timesheet/T-0" in page.detail

    @pytest.mark.parametrize("path", ["a%00b", "a%FFb", "x" * 1001, "a%0Ab"])
    async def test_a_key_that_no_key_can_be_is_refused(self, alone: Stand, path: str) -> None:
        assert (await alone.get(f"/v1/lanes/timesheet/{path}")).status == 400

    async def test_they_come_in_key_order_in_pages_and_by_state(self, stand: Stand) -> None:
        keys = [ActorKey("timesheet", f"T-{number}") for number in (5, 3, 1, 4)] + [PROJECT]
        for key in keys:
            await stand.park(key, message(f"of {key}"))
        await stand.commit(queued((await stand.commits.load([OTHER_SHEET]))[OTHER_SHEET], message("open")))
        await stand.commit(applied((await stand.commits.load([ODD]))[ODD], message("no lane")))
        pages = await walk(stand, "/v1/lanes?limit=2")
        assert [len(page.items) for page in pages] == [2, 2, 2]
        assert column(pages, "key") == ["P-1", "T-1", "T-2", "T-3", "T-4", "T-5"]
        assert column(await walk(stand, "/v1/lanes?limit=2&state=parked"), "key") == ["P-1", "T-1", "T-3", "T-4", "T-5"]
        assert column(await walk(stand, "/v1/lanes?state=open"), "head") == [str(message("open").ref)]


class TestStuckCommands:
    """Keys whose lane is empty, and whose commands go nowhere."""

    async def ask(self, stand: Stand, *asked: Command) -> None:
        row = (await stand.commits.load([asked[0].key]))[asked[0].key]
        await stand.commit(asking(applied(row, message(f"e{asked[0].id}")), *asked))

    async def try_in_vain(self, stand: Stand, asked: Command, ending: Ending = Ending.DEFERRED) -> Leased:
        token = uuid(f"{asked.id} {await stand.outbox.beat(uuid('us'))}")
        [leased] = (await stand.outbox.claim([send_lane(asked.key)], holder=uuid("us"), token=token)).leased
        ended = Ended(leased.command, token, leased.attempt, ending, None, FailureClass.UNAVAILABLE, "busy",
                      "in progress", 0.0)  # fmt: skip
        await stand.outbox.record([ended])
        return leased

    @pytest.mark.parametrize("ending", [Ending.DEFERRED, Ending.UNKNOWN, Ending.UNANSWERED])
    async def test_one_that_was_tried_more_than_once_is_listed(self, stand: Stand, ending: Ending) -> None:
        await self.ask(stand, command())
        await self.try_in_vain(stand, command(), ending)
        assert (await stand.get("/v1/lanes")).items == []
        await self.try_in_vain(stand, command(), ending)
        [lane] = (await stand.get("/v1/lanes")).items
        assert (lane["key"], lane["depth"], lane["state"]) == ("T-1", 0, "open")
        assert isinstance(lane["commands"], list)
        [head] = lane["commands"]
        assert (head["reason"], head["attempts"], head["overdue"]) == ("in progress", 2, False)
        assert head["since"].endswith("Z")

    async def test_what_was_found_of_a_later_generation_is_told_while_it_is_paused(self, stand: Stand) -> None:
        await self.ask(stand, command())
        await stand.outbox.beat(uuid("us"))
        [leased] = (await stand.outbox.claim([send_lane()], holder=uuid("us"), token=uuid("looked"))).leased
        ended = Ended(leased.command, leased.token, leased.attempt, Ending.UNKNOWN, "88", hold=0.0, found_generation=3)
        await stand.outbox.record([ended])

        async def shown() -> tuple[object, ...]:
            lane = (await stand.get("/v1/lanes/timesheet/T-1")).json["lane"]
            assert isinstance(lane, dict)
            [head] = lane["commands"]
            return head["attempts"], head["found_reference"], head["found_id"]

        assert await shown() == (1, "timesheet/T-1/1/3", "88")
        # When a process is killed while it asks again, and its key is paused
        await stand.outbox.claim([send_lane()], holder=uuid("us"), token=uuid("killed"))
        assert await shown() == (None, None, None)
        await stand.outbox.take_over([uuid("us")])
        assert (await stand.post("/v1/lanes/timesheet/T-1/pause", {"reason": "to settle"})).status == 200
        # Then it is told still, and done means it
        assert await shown() == (2, "timesheet/T-1/1/3", "88")
        say = {"command": str(command().id), "attempts": 2, "outcome": "done", "reason": "it is in the ledger"}
        page = await stand.post("/v1/lanes/timesheet/T-1/settle", say)
        assert page.json["told"] == "timesheet/T-1/1/3 counts as done"

    async def test_it_is_listed_while_it_is_tried_again_until_it_is_settled(self, stand: Stand) -> None:
        await self.ask(stand, command())
        for _ in range(2):
            await self.try_in_vain(stand, command())
        token = uuid("at last")
        [leased] = (await stand.outbox.claim([send_lane()], holder=uuid("us"), token=token)).leased
        assert len((await stand.get("/v1/lanes")).items) == 1
        await stand.outbox.record([Ended(leased.command, token, leased.attempt, Ending.CONFIRMED)])
        await stand.commit(settled((await stand.commits.load([SHEET]))[SHEET], (command(), token)))
        assert (await stand.get("/v1/lanes")).items == []

    async def test_a_refusal_that_is_about_to_settle_is_not_listed(self, stand: Stand) -> None:
        await self.ask(stand, command())
        await self.try_in_vain(stand, command(), Ending.REJECTED)
        await stand.outbox.claim([send_lane()], holder=uuid("us"), token=uuid("reads it back"))
        assert (await stand.get("/v1/lanes")).items == []

    async def test_an_overdue_one_is_listed_with_its_money(self, stand: Stand) -> None:
        asked = command()._replace(body=b'{"amount": "12.50", "currency": "EUR"}')
        await self.ask(stand, asked)
        assert (await stand.get("/v1/lanes")).items == []
        assert (await stand.overdue.open_cases("erp", Term(0.0), after=None, page=9)).opened == 1
        [lane] = (await stand.get("/v1/lanes")).items
        assert (lane["key"], lane["depth"], lane["blocked"]) == ("T-1", 0, {"EUR": "12.50"})
        assert isinstance(lane["commands"], list)
        [head] = lane["commands"]
        assert (head["state"], head["attempts"], head["overdue"]) == ("due", 0, True)
        [case] = (await stand.get("/v1/cases")).items
        assert (case["code"], case["failure_class"], case["command_id"]) == (
            "command_overdue", "timeout", str(asked.id),
        )  # fmt: skip

    async def test_all_come_in_key_order_once_each_and_in_pages(self, stand: Stand) -> None:
        for number in (2, 4):
            await self.ask(stand, command(ActorKey("timesheet", f"T-{number}"), "1"),
                           command(ActorKey("timesheet", f"T-{number}"), "1", system="psa"))  # fmt: skip
        for system in ("erp", "psa"):
            await stand.overdue.open_cases(system, Term(0.0), after=None, page=9)
        both = command(ActorKey("timesheet", "T-2"), "1")
        for _ in range(2):
            await self.try_in_vain(stand, both)
        tried = command(ActorKey("timesheet", "T-3"), "1")
        await self.ask(stand, tried)
        for _ in range(2):
            await self.try_in_vain(stand, tried)
        for number in (1, 4, 5):
            await stand.park(ActorKey("timesheet", f"T-{number}"), message(f"p{number}"))
        pages = await walk(stand, "/v1/lanes?limit=2")
        assert [len(page.items) for page in pages] == [2, 2, 1]
        assert column(pages, "key") == ["T-1", "T-2", "T-3", "T-4", "T-5"]
        assert column(await walk(stand, "/v1/lanes?state=parked"), "key") == ["T-1", "T-4", "T-5"]


class TestDeadLetters:
    async def test_they_come_newest_first_in_pages_without_bodies(self, stand: Stand) -> None:
        names = [f"letter {number}" for number in range(5)]
        await stand.bury(*names, names[0])
        pages = await walk(stand, "/v1/dead-letters?limit=2")
        assert column(pages, "digest") == [name.encode().hex() for name in reversed(names)]
        assert column(pages, "seen") == [1, 1, 1, 1, 2]
        assert set(column(pages, "bytes")) == {len(BODY)}
        assert all(b"secret" not in page.content for page in pages)
