"""Cases over the API: lists, groups, a file, one with all about it, and what people with roles do about them."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from io import StringIO
from pathlib import Path

import orjson
import pytest
import yaml

from adapters.ports.cases import Click
from adapters.ports.outbox import Ending
from adapters.ports.turns import Opened, Settlement
from adapters.postgres.cases import PostgresCases
from gateway.callers import digest
from gateway.http.answers import cursor_of
from gateway.settlement import UNPROVABLE
from schemas.acts import Act, Acted
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.contracts.turns import (
    OTHER_SHEET,
    SHEET,
    applied,
    asking,
    command,
    message,
    queued,
    send_lane,
    settled,
    uuid,
)
from tests.gateway.http.stand import FAILURE, Page, Stand, listening
from tests.gateway.http.test_message_acts import EVENT, approved

APPROVAL = Case(
    Failure(FailureClass.BUSINESS_RULE, "approval_needed", "a partner must approve 250000.00 EUR"),
    topic="approval:large_deal",
    acts=(Act.APPROVE, Act.REJECT, Act.EDIT_RETRY),
    owner="partner",
    money={"EUR": Decimal("250000.00")},
)
CALLERS: Mapping[str, tuple[list[str], list[str]]] = {
    "ann": (["read", "settle"], ["partner"]),
    "bob": (["read", "settle"], ["finance"]),
    "eve": (["read"], ["partner"]),
    "sam": (["read", "settle"], ["sales-ops"]),
    "ops": (["read", "settle", "operate"], []),
    "rob": (["read", "settle"], ["sre"]),
    "pam": (["admin"], ["partner"]),
}


@dataclass(frozen=True, slots=True)
class Said:
    verdict: Verdict | None
    reason: str | None = None


@dataclass(slots=True)
class Keys:
    """The keys that acts are told to: the first answer for each id is kept, as the gateway keeps it."""

    says: Said = Said(Verdict.APPLIED)
    acts: list[tuple[ActorKey, Acted]] = field(default_factory=list)
    answers: dict[str, Said] = field(default_factory=dict)

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> Said:
        if key.entity == "expense":
            raise LookupError("expense has no cases to act on")
        if id not in self.answers:
            self.acts.append((key, acted))
            self.answers[id] = self.says
        return self.answers[id]


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
async def stand(database_url: str, token_file: Path, tmp_path: Path, keys: Keys) -> AsyncIterator[Stand]:
    """The listeners for some people with names and roles."""
    async with listening(database_url, token_file, callers_file=people(tmp_path, CALLERS), people=keys) as stand:
        yield stand


def people(folder: Path, callers: Mapping[str, tuple[list[str], list[str]]]) -> Path:
    """A file of callers, whose tokens are their names."""
    file = folder / "callers.yaml"
    entries = [
        {"name": name, "token_sha256": digest(name.encode()).hex(), "permissions": permissions, "roles": roles}
        for name, (permissions, roles) in callers.items()
    ]
    file.write_text(yaml.safe_dump(entries))
    return file


async def ask_approval(stand: Stand, key: ActorKey = SHEET, asks: str | None = None) -> int:
    """An applied message leaves a case with a topic; its number."""
    row = (await stand.commits.load([key]))[key]
    turn = applied(row, message(f"{key.id} {row.entity_version}"))
    turn.opened.append(Opened(replace(APPROVAL, asks=asks)))
    await stand.commit(turn)
    return await newest(stand)


async def ask_who_it_is(stand: Stand, *acts: Act) -> int:
    """An applied message leaves a case that its class gives to sales-ops; its number."""
    row = (await stand.commits.load([SHEET]))[SHEET]
    turn = applied(row, message("the second"))
    failure = Failure(FailureClass.DUPLICATE, "probable_duplicate", "it may be C-9", "customer")
    turn.opened.append(Opened(Case(failure, topic="duplicate", acts=acts or (Act.APPROVE, Act.CANCEL))))
    await stand.commit(turn)
    return await newest(stand)


async def settle(stand: Stand, key: ActorKey = SHEET) -> None:
    """A later decision settles the topic."""
    row = (await stand.commits.load([key]))[key]
    turn = applied(row, message(f"{key.id} settled"))
    turn.settles["approval:large_deal"] = None
    await stand.commit(turn)


async def lose(stand: Stand) -> int:
    """A command was being sent when the process was killed; the number of its case."""
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("it asks")), command()))
    await send_in_vain(stand, "t1")
    return await newest(stand)


async def send_in_vain(stand: Stand, token: str) -> None:
    """The sheet's command is sent, and nobody can say what came of it."""
    [leased] = (await stand.outbox.claim([send_lane()], holder=uuid("me"), token=uuid(token))).leased
    lost = Failure(FailureClass.UNKNOWN_OUTCOME, UNPROVABLE, "what it sent may still arrive")
    row = (await stand.commits.load([SHEET]))[SHEET]
    turn = settled(row, (leased.command, uuid(token)), settlement=Settlement.PARKED)
    turn.opened.append(Opened(Case(lost), command_id=leased.command.id, system="erp"))
    await stand.commit(turn)


async def settled_by(stand: Stand, who: str, id: int, finding: object) -> Page:
    """Say what became of the command of a case that has never changed."""
    return await stand.asked_by(who, "POST", f"/v1/cases/{id}/settle", finding, If_Match='"1"')


async def newest(stand: Stand) -> int:
    number = (await stand.get("/v1/cases")).items[-1]["id"]
    assert isinstance(number, int)
    return number


async def act(stand: Stand, who: str, id: int, what: str, *, click: str | None = None, changes: object = None) -> Page:
    """One act of somebody on the case as it is, with a reason."""
    headers = {"If_Match": (await stand.get(f"/v1/cases/{id}")).headers["ETag"]}
    headers |= {} if click is None else {"Idempotency_Key": click}
    body = {"reason": "because"} | ({} if changes is None else {"changes": changes})
    return await stand.asked_by(who, "POST", f"/v1/cases/{id}/{what}", body, **headers)


class TestLists:
    async def test_open_ones_come_oldest_first_in_pages(self, stand: Stand) -> None:
        for number in range(3):
            await stand.park(ActorKey("timesheet", f"T-{number}"), message(f"e{number}"))
        first = await stand.get("/v1/cases?limit=2")
        rest = await stand.get(f"/v1/cases?limit=2&cursor={first.json['next']}")
        assert [case["key"] for case in (*first.items, *rest.items)] == ["T-0", "T-1", "T-2"]
        assert rest.json["next"] is None
        case = first.items[0]
        names = ("entity", "failure_class", "code", "field", "reason", "ref", "owner")
        assert {name: case[name] for name in names} == {
            "entity": "timesheet", "failure_class": "mapping", "code": "tax_profile_unmapped", "field": "tax_profile",
            "reason": FAILURE.reason, "ref": str(message("e0").ref), "owner": "finance",
        }  # fmt: skip

    async def test_they_are_chosen_by_owner_whether_named_or_of_the_class(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"))
        await ask_approval(stand, OTHER_SHEET)
        owners = {owner: (await stand.get(f"/v1/cases?owner={owner}")).items for owner in ("finance", "partner", "sre")}
        assert [[case["key"] for case in items] for items in owners.values()] == [["T-1"], ["T-2"], []]
        assert [case["key"] for case in (await stand.get("/v1/cases?class=business_rule")).items] == ["T-2"]
        assert (await stand.get("/v1/cases?state=closed")).items == []

    async def test_groups_of_one_cause(self, stand: Stand) -> None:
        for number in range(2):
            await ask_approval(stand, ActorKey("timesheet", f"T-{number}"))
        [group] = (await stand.get("/v1/cases?group=true")).items
        assert (group["cases"], group["owner"], group["money"]) == (2, "partner", {"EUR": "500000.00"})
        [same] = {str(case["fingerprint"]) for case in (await stand.get("/v1/cases")).items}
        assert group["fingerprint"] == same

    async def test_groups_come_in_pages_until_all_are_told(self, stand: Stand) -> None:
        await ask_approval(stand)
        await stand.park(OTHER_SHEET, message("e1"))
        first = await stand.get("/v1/cases?group=true&limit=1")
        rest = await stand.get(f"/v1/cases?group=true&limit=1&cursor={first.json['next']}")
        groups = [*first.items, *rest.items]
        assert {group["owner"] for group in groups} == {"partner", "finance"}
        assert [group["fingerprint"] for group in groups] == sorted(str(group["fingerprint"]) for group in groups)
        assert rest.json["next"] is None
        page = await stand.get(f"/v1/cases?group=true&cursor={cursor_of(7)}")
        assert (page.status, "take it from the Link header" in page.detail) == (400, True)

    async def test_a_file_for_spreadsheets_holds_all_and_no_formula(self, stand: Stand) -> None:
        await stand.park(ActorKey("timesheet", "=1+1"), message("e1"))
        await ask_approval(stand)
        page = await stand.get("/v1/cases.csv")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        rows = list(csv.DictReader(StringIO(page.text)))
        assert [(row["key"], row["class"], row["owner"], row["money"]) for row in rows] == [
            ("'=1+1", "mapping", "finance", ""), ("T-1", "business_rule", "partner", "250000.00 EUR"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "told"),
        [("state=all", "write open or closed"), ("group=yes", "write true or false"), ("class=x", "write one of")],
    )
    async def test_a_wrong_question_says_what_to_write(self, stand: Stand, asked: str, told: str) -> None:
        page = await stand.get(f"/v1/cases?{asked}")
        assert page.status == 400
        assert told in page.detail


class TestOne:
    async def test_it_says_the_cause_how_to_mend_it_and_what_can_be_done(self, stand: Stand) -> None:
        await stand.park(ActorKey("timesheet", "a/b"), message("e1"))
        id = await newest(stand)
        page = await stand.get(f"/v1/cases/{id}")
        told = page.json
        assert (told["cause"], told["can"]) == (FAILURE.reason, ["retry", "cancel"])
        assert "policy file" in str(told["fix"])
        assert told["links"] == {
            "entity": "/v1/entities/timesheet/a%2Fb", "lane": "/v1/lanes/timesheet/a%2Fb",
            "message": f"/v1/messages/{message('e1').ref}", "runbook": "/runbook/mapping",
        }  # fmt: skip
        assert (await stand.get("/runbook/mapping")).status == 200
        assert page.headers["ETag"] == '"1"'

    async def test_none_of_that_number(self, stand: Stand) -> None:
        for method, path in (("GET", "/v1/cases/99"), ("POST", "/v1/cases/99/retry")):
            body = {"reason": "x"} if method == "POST" else None
            page = await stand.asked_by("ann", method, path, body)
            assert (page.status, page.json["type"]) == (404, "/problems/case-not-found")
        assert (await stand.get("/v1/cases/x")).status == 400

    async def test_it_is_taken_and_noted_by_who_has_seen_it(self, stand: Stand) -> None:
        id = await ask_approval(stand)
        path = f"/v1/cases/{id}"
        missing = await stand.asked_by("ann", "PATCH", path, {"note": "x"})
        assert (missing.status, missing.json["type"]) == (428, "/problems/precondition-missing")
        done = await stand.asked_by("ann", "PATCH", path, {"assignee": "bob", "note": "ask him"}, If_Match='"1"')
        assert (done.status, done.headers["ETag"]) == (200, '"2"')
        stale = await stand.asked_by("bob", "PATCH", path, {"assignee": None}, If_Match='"1"')
        assert (stale.status, stale.json["type"]) == (412, "/problems/case-changed")
        file = (await stand.get(path)).json
        assert isinstance(file["notes"], list)
        [note] = file["notes"]
        assert (note["by"], note["text"]) == ("ann", "ask him")
        empty = await stand.asked_by("bob", "PATCH", path, {}, If_Match='"2"')
        assert (empty.status, "write `assignee`, `note`, or both" in empty.detail) == (400, True)


class TestActs:
    async def test_who_has_edited_what_is_asked_does_not_approve_it(self, stand: Stand, keys: Keys) -> None:
        await stand.park(SHEET, approved())
        changes = {"lines": [orjson.loads(EVENT)["data"]["lines"][0] | {"hours": "5.00"}]}
        edit = {"reason": "five hours", "changes": changes}
        assert (await stand.asked_by("pam", "POST", f"/v1/messages/{approved().ref}/edit", edit)).status == 200
        id = await ask_approval(stand)
        page = await act(stand, "pam", id, "approve")
        assert (page.status, page.json["type"]) == (409, "/problems/case-act-refused")
        assert page.detail == "Pam has changed what this is about, so somebody else must approve it."
        assert keys.acts == []
        assert (await act(stand, "ann", id, "approve")).status == 200

    async def test_who_has_edited_it_by_a_key_does_not_approve_it_either(self, stand: Stand, keys: Keys) -> None:
        asked = {"name": "mender", "reason": "typos", "permissions": ["read", "settle", "operate"]}
        key = str((await stand.asked_by("pam", "POST", "/v1/api-keys", asked)).json["key"])
        id = await ask_approval(stand)
        assert (await act(stand, key, id, "edit-retry", changes={"discount": "0"})).status == 200
        [(_, acted)] = keys.acts
        assert acted.by == "key:mender"
        assert (await act(stand, "pam", id, "approve")).json["type"] == "/problems/case-act-refused"
        assert (await act(stand, "ann", id, "approve")).status == 200

    async def test_who_has_the_role_approves_and_the_key_is_told(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        page = await act(stand, "ann", id, "approve")
        assert (page.status, page.json["done"], page.json["told"]) == (200, "approve", "applied")
        [(key, acted)] = keys.acts
        assert key == SHEET
        assert (acted.topic, acted.act, acted.by, acted.roles, acted.reason, acted.changes) == (
            "approval:large_deal", Act.APPROVE, "ann", ("partner",), "because", None,
        )  # fmt: skip
        [done] = list((await stand.get(f"/v1/cases/{id}")).json["acts"])  # type: ignore[call-overload]  # JSON
        assert (done["by"], done["act"], done["outcome"]) == ("ann", "approve", "done")

    async def test_another_role_is_refused_and_told_which(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        page = await act(stand, "bob", id, "reject")
        assert (page.status, page.json["type"]) == (403, "/problems/role-missing")
        assert page.detail == f"Only the role partner may reject case {id}; bob has finance."
        assert (await act(stand, "eve", id, "approve")).json["type"] == "/problems/forbidden"
        assert (await stand.post(f"/v1/cases/{id}/approve", {"reason": "x"})).status == 403
        assert keys.acts == []

    async def test_what_the_key_does_not_take_is_a_conflict(self, stand: Stand, keys: Keys) -> None:
        keys.says = Said(Verdict.IGNORED, "who has asked for it does not approve it")
        page = await act(stand, "ann", await ask_approval(stand), "approve")
        assert (page.status, page.json["type"]) == (409, "/problems/case-act-refused")
        assert page.detail == "Ignored: who has asked for it does not approve it."

    async def test_a_second_click_does_nothing_more(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        pages = [await act(stand, "ann", id, "approve", click="k1") for _ in range(2)]
        assert pages[0].json == pages[1].json
        assert len(keys.acts) == 1
        await settle(stand)
        assert (await act(stand, "ann", id, "approve", click="k1")).json == pages[0].json
        other = await act(stand, "ann", id, "reject", click="k1")
        assert (other.status, other.json["type"]) == (422, "/problems/idempotency-key-reused")
        assert (await act(stand, "ann", id, "approve", click="k2")).status == 409

    async def test_a_click_with_another_reason_is_another_act(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        for reason, status in (("as agreed", 200), ("on second thoughts", 422)):
            page = await stand.asked_by(
                "ann", "POST", f"/v1/cases/{id}/approve", {"reason": reason}, Idempotency_Key="k1", If_Match='"1"'
            )
            assert page.status == status
        assert [acted.reason for _, acted in keys.acts] == ["as agreed"]

    @pytest.mark.parametrize("roles", [[], ["board"], ["board", "partner"]])
    async def test_a_second_click_goes_by_the_roles_of_the_first(
        self, database_url: str, token_file: Path, tmp_path: Path, keys: Keys, roles: list[str]
    ) -> None:
        """The first is on its way, its end not known, when the caller's roles change."""
        keys.says = Said(None)
        async with listening(database_url, token_file, callers_file=people(tmp_path, CALLERS), people=keys) as first:
            id = await ask_approval(first)
            assert (await act(first, "ann", id, "approve", click="k1")).status == 202
        keys.answers.clear()
        keys.says = Said(Verdict.APPLIED)
        now = {**CALLERS, "ann": (["read", "settle"], roles)}
        async with listening(database_url, token_file, callers_file=people(tmp_path, now), people=keys) as second:
            assert (await act(second, "ann", id, "approve", click="k1")).status == 200
            told = [acted for _, acted in keys.acts]
            assert told == [told[0]] * 2
            assert (await act(second, "ann", id, "approve", click="k2")).status == (200 if "partner" in roles else 403)

    async def test_the_key_is_told_what_the_case_asked_when_the_act_began(self, stand: Stand, keys: Keys) -> None:
        keys.says = Said(None)
        id = await ask_approval(stand, asks="90,000")
        assert (await act(stand, "ann", id, "approve", click="k1")).status == 202
        keys.answers.clear()
        await ask_approval(stand, asks="900,000")
        await act(stand, "ann", id, "approve", click="k1")
        await act(stand, "ann", id, "approve", click="k2")
        assert [acted.seen for _, acted in keys.acts] == ["90,000", "90,000", "900,000"]

    async def test_who_has_seen_an_older_case_does_nothing(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        await ask_approval(stand)
        path = f"/v1/cases/{id}/approve"
        stale = await stand.asked_by("ann", "POST", path, {"reason": "x"}, If_Match='"1"')
        assert (stale.status, stale.json["type"]) == (412, "/problems/case-changed")
        assert ((await stand.get(f"/v1/cases/{id}")).json["acts"], keys.acts) == ([], [])
        etag = (await stand.get(f"/v1/cases/{id}")).headers["ETag"]
        assert (await stand.asked_by("ann", "POST", path, {"reason": "x"}, If_Match=etag)).status == 200
        assert (await stand.asked_by("ann", "POST", path, {"reason": "x"}, If_Match="2")).status == 400

    @pytest.mark.parametrize("what", ["approve", "reject", "edit-retry", "cancel"])
    async def test_nobody_decides_on_what_they_have_not_seen(self, stand: Stand, keys: Keys, what: str) -> None:
        path = f"/v1/cases/{await ask_who_it_is(stand, Act(what))}/{what}"
        body = {"reason": "x"} | ({"changes": {"a": 1}} if what == "edit-retry" else {})
        blind = await stand.asked_by("sam", "POST", path, body, Idempotency_Key="k1")
        assert (blind.status, blind.json["type"]) == (428, "/problems/precondition-missing")
        assert keys.acts == []
        # The same click again is of what was seen when it came first
        assert (await stand.asked_by("sam", "POST", path, body, Idempotency_Key="k1", If_Match='"1"')).status == 200
        assert (await stand.asked_by("sam", "POST", path, body, Idempotency_Key="k1")).status == 200
        assert len(keys.acts) == 1

    @pytest.mark.parametrize("verdict", [None, Verdict.QUEUED])
    async def test_one_whose_end_nobody_knows_is_told_again(
        self, stand: Stand, keys: Keys, verdict: Verdict | None
    ) -> None:
        id = await ask_approval(stand)
        keys.says = Said(verdict)
        page = await act(stand, "ann", id, "approve", click="k1")
        assert (page.status, page.json["done"]) == (202, None)
        keys.answers = dict.fromkeys(keys.answers, Said(Verdict.APPLIED))
        await settle(stand)
        again = await act(stand, "ann", id, "approve", click="k1")
        assert (again.status, again.json["done"], len(keys.acts)) == (200, "approve", 1)

    async def test_changes_go_with_an_edit_or_a_cancellation_alone(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        for what, changes in (("approve", {"a": 1}), ("edit-retry", None)):
            page = await act(stand, "ann", id, what, changes=changes)
            assert (page.status, "Send `changes` with edit-retry" in page.detail) == (400, True)
        assert (await act(stand, "ann", id, "edit-retry", changes={"amount": "9.00"})).status == 200
        assert keys.acts[0][1].changes == {"amount": "9.00"}

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ('{"amount": 18446744073709551616}', "write numbers beyond 64 bits as JSON strings"),
            ('{"parts": [{"hours": -9223372036854775809}]}', "write numbers beyond 64 bits as JSON strings"),
            ('{"parts": {"US01": "a\\u0000"}}', "U+0000"),
            ('{"a\\u0000": 1}', "U+0000"),
        ],
    )
    async def test_changes_that_no_event_can_carry_say_how_to_write_them(
        self, stand: Stand, keys: Keys, changes: str, told: str
    ) -> None:
        id = await ask_approval(stand)
        page = await stand.api(
            "POST", f"/v1/cases/{id}/edit-retry", f'{{"reason": "x", "changes": {changes}}}'.encode(),
            Authorization="Bearer ann", Content_Type="application/json",
        )  # fmt: skip
        assert (page.status, told in page.detail) == (400, True), page.text
        assert keys.acts == []

    async def test_who_cancels_a_duplicate_may_say_who_stays(self, stand: Stand, keys: Keys) -> None:
        id = await ask_who_it_is(stand)
        assert (await act(stand, "sam", id, "cancel", changes={"into": "C-9"})).status == 200
        assert keys.acts[0][1].changes == {"into": "C-9"}

    async def test_what_cannot_be_undone_is_for_the_role_of_the_case(self, stand: Stand, keys: Keys) -> None:
        id = await ask_who_it_is(stand)
        for what, changes in (("cancel", None), ("edit-retry", {"a": 1}), ("resolve", None)):
            page = await act(stand, "bob", id, what, changes=changes)
            assert (page.status, page.json["type"]) == (403, "/problems/role-missing")
            assert page.detail == (
                f"Only the role sales-ops, or who has the permission operate, may {what} case {id}; bob has finance."
            )
        assert keys.acts == []

    async def test_who_operates_settles_cases_of_any_role_but_judges_none(self, stand: Stand, keys: Keys) -> None:
        id = await ask_who_it_is(stand)
        assert (await act(stand, "ops", id, "cancel")).status == 200
        page = await act(stand, "ops", id, "approve")
        assert (page.status, page.detail) == (403, f"Only the role sales-ops may approve case {id}; ops has none.")
        assert [acted.by for _, acted in keys.acts] == ["ops"]

    async def test_anybody_who_settles_may_have_a_topic_tried_again(self, stand: Stand, keys: Keys) -> None:
        assert (await act(stand, "bob", await ask_who_it_is(stand, Act.RETRY), "retry")).status == 200
        assert [acted.act for _, acted in keys.acts] == [Act.RETRY]

    async def test_a_message_that_is_discarded_takes_no_changes(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"))
        page = await act(stand, "ops", await newest(stand), "cancel", changes={"into": "C-9"})
        assert (page.status, "nothing to change" in page.detail) == (400, True)

    async def test_an_act_that_the_topic_does_not_take_says_what_it_takes(self, stand: Stand) -> None:
        page = await act(stand, "ann", await ask_approval(stand), "cancel")
        assert page.status == 409
        assert "what can be done: approve, reject, edit-retry" in page.detail

    async def test_a_closed_case_takes_none(self, stand: Stand, keys: Keys) -> None:
        id = await ask_approval(stand)
        await settle(stand)
        page = await act(stand, "ann", id, "approve")
        assert (page.status, page.detail) == (409, f"Case {id} is closed (settled): nothing is left to do.")
        assert keys.acts == []

    async def test_an_entity_that_takes_no_acts(self, stand: Stand) -> None:
        id = await ask_approval(stand, ActorKey("expense", "E-1"))
        page = await act(stand, "ann", id, "approve")
        assert (page.status, page.detail) == (409, "Expense has no cases to act on.")


class TestCommands:
    """A command whose outcome nobody but a person can find out."""

    async def test_who_has_the_role_says_what_became_of_it(self, stand: Stand) -> None:
        id = await lose(stand)
        told = (await stand.get(f"/v1/cases/{id}")).json
        assert told["can"] == ["settle"]
        path, finding = f"/v1/cases/{id}/settle", {"reason": "looked in the ERP", "outcome": "not_done"}
        stale = await stand.asked_by("rob", "POST", path, finding, If_Match='"9"')
        assert (stale.status, stale.json["type"]) == (412, "/problems/case-changed")
        assert "look in the system again" in stale.detail
        page = await stand.asked_by("rob", "POST", path, finding, If_Match='"1"')
        assert (page.status, page.json["done"], page.json["by"]) == (200, "settle", "rob")
        assert page.json["told"] == "it is sent anew, as timesheet/T-1/1/2"
        assert stand.looked_at == [SHEET]
        [case] = (await stand.get("/v1/cases?state=closed")).items
        assert (case["closed_how"], case["closed_by"]) == ("resolved", "rob")
        [again] = (await stand.outbox.claim([send_lane()], holder=uuid("me"), token=uuid("t2"))).leased
        assert again.command.generation == 2
        late = await stand.asked_by("rob", "POST", path, finding, If_Match='"1"')
        assert (late.status, "is closed (resolved)" in late.detail) == (409, True)

    async def test_what_was_not_seen_is_not_settled(self, stand: Stand) -> None:
        id = await lose(stand)
        path, finding = f"/v1/cases/{id}/settle", {"reason": "looked in the ERP", "outcome": "not_done"}
        blind = await stand.asked_by("rob", "POST", path, finding)
        assert (blind.status, blind.json["type"]) == (428, "/problems/precondition-missing")
        # Given that it was settled, sent anew, and nobody knows what came of that either
        assert (await stand.asked_by("rob", "POST", path, finding, If_Match='"1"')).status == 200
        await send_in_vain(stand, "t2")
        assert await newest(stand) == id
        # When the same is said once more, of what was seen before
        late = await stand.asked_by("rob", "POST", path, finding, If_Match='"1"')
        assert (late.status, late.json["type"]) == (412, "/problems/case-changed")
        # Then it is not taken for a word about the second
        [case] = (await stand.get("/v1/cases")).items
        assert case["command_id"] == str(command(generation=2).id)

    async def test_done_counts_as_if_the_system_had_said_so(self, stand: Stand) -> None:
        id = await lose(stand)
        finding = {"reason": "there since noon", "outcome": "done", "external_id": "4711"}
        page = await settled_by(stand, "ops", id, finding)
        assert (page.status, page.json["told"]) == (200, "timesheet/T-1/1/1 counts as done")
        [again] = (await stand.outbox.claim([send_lane()], holder=uuid("me"), token=uuid("t2"))).leased
        assert (again.earlier[-1].ending, again.earlier[-1].external_id) == (Ending.CONFIRMED, "4711")

    async def test_another_role_or_another_case_is_refused(self, stand: Stand) -> None:
        finding = {"reason": "x", "outcome": "done"}
        page = await settled_by(stand, "bob", await lose(stand), finding)
        assert (page.status, page.json["type"]) == (403, "/problems/role-missing")
        page = await settled_by(stand, "ann", await ask_approval(stand, OTHER_SHEET), finding)
        assert (page.status, "not about a command" in page.detail) == (409, True)

    async def test_a_retry_that_comes_to_the_same_is_refused_and_says_what_helps(self, stand: Stand) -> None:
        page = await act(stand, "rob", await lose(stand), "retry")
        assert (page.status, "settle the case with what you find" in page.detail) == (409, True)

    @pytest.mark.parametrize(
        "finding", [{"outcome": "done"}, {"reason": "x"}, {"reason": "x", "outcome": "not_done", "external_id": "1"}]
    )
    async def test_a_wrong_finding_says_what_to_write(self, stand: Stand, finding: object) -> None:
        assert (await settled_by(stand, "rob", await lose(stand), finding)).status == 400


class TestLanes:
    async def test_a_retry_lets_the_lane_run_again(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"))
        id = await newest(stand)
        page = await act(stand, "bob", id, "retry")
        assert (page.status, page.json["told"]) == (200, "timesheet/T-1 runs again")
        assert stand.looked_at == [SHEET]
        assert (await stand.row(SHEET)).state == "open"
        [case] = (await stand.get("/v1/cases?state=closed")).items
        assert (case["closed_how"], case["closed_by"]) == ("retried", "bob")

    async def test_a_cancel_discards_the_head(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"), message("e2"))
        assert (await act(stand, "ops", await newest(stand), "cancel")).status == 200
        assert (await stand.row(SHEET)).depth == 1
        [case] = (await stand.get("/v1/cases?state=closed")).items
        assert case["closed_how"] == "discarded"

    @pytest.mark.parametrize(("what", "told"), [(Act.RETRY, "timesheet/T-1 runs again"), (Act.CANCEL, " is discarded")])
    async def test_one_that_was_done_when_nobody_could_write_it_down_is_done(
        self, stand: Stand, database_url: str, what: Act, told: str
    ) -> None:
        # Given an act that closed its case, of which a process that died could not write down what came
        await stand.park(SHEET, message("e1"))
        id = await newest(stand)
        dead = PostgresCases(database_url)
        try:
            await dead.begin(id, Click(what, "ops", "because", key="k1"))
        finally:
            await dead.close()
        await act(stand, "ops", id, what, click="k2")
        # When its person clicks again
        pages = [await act(stand, "ops", id, what, click="k1") for _ in range(2)]
        # Then it is done, now and for good
        assert [(page.status, page.json["done"]) for page in pages] == [(200, what)] * 2
        assert str(pages[0].json["told"]).endswith(told)
        # And somebody else's click is not
        assert (await act(stand, "ann", id, Act.RETRY, click="k1")).status == 409

    async def test_who_only_settles_discards_no_message(self, stand: Stand) -> None:
        await stand.park(SHEET, message("e1"))
        page = await act(stand, "bob", await newest(stand), "cancel")
        assert (page.status, page.json["type"]) == (403, "/problems/forbidden")
        assert "needs the permission operate" in page.detail
        assert (await stand.row(SHEET)).depth == 1

    @pytest.mark.parametrize(
        ("what", "told"),
        [
            ("approve", "Nothing of this case asks for an approval"),
            ("resolve", "Its message still stands in its lane: retry or cancel it"),
        ],
    )
    async def test_what_does_not_fit_says_what_can_be_done(self, stand: Stand, what: str, told: str) -> None:
        await stand.park(SHEET, message("e1"))
        page = await act(stand, "bob", await newest(stand), what)
        assert (page.status, told in page.detail) == (409, True)

    async def test_one_whose_message_is_gone_is_resolved(self, stand: Stand) -> None:
        row = (await stand.commits.load([SHEET]))[SHEET]
        turn = queued(row, message("e1"))
        turn.judged[0] = turn.judged[0]._replace(verdict=Verdict.REJECTED, position=None)
        turn.lane = row.lane
        turn.opened.append(Opened(Case(FAILURE), message("e1").ref))
        await stand.commit(turn)
        id = await newest(stand)
        assert (await act(stand, "bob", id, "retry")).status == 409
        assert (await act(stand, "bob", id, "resolve")).status == 200
        assert (await stand.get("/v1/cases")).items == []
