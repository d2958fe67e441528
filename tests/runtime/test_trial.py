"""A trial says what publishing the same event would come to, and leaves nothing behind."""

from __future__ import annotations

import pytest

from adapters.ports.broker import Outgoing
from gateway.policy_file import PolicyFile
from gateway.trial import Tried, TypeDiffers
from schemas.keys import ActorKey, external_key
from schemas.operations.money import money_of
from schemas.values import Reference
from schemas.verdicts import Verdict
from tests.actors.firm import approved, line
from tests.runtime.firm import CRM, POLICY, PSA, Desk, Firm, event
from tests.runtime.test_firm import new_customer, sheet, won
from tests.runtime.town import until
from tests.runtime.virtual import run

SHEET = ActorKey("timesheet", "S1")
PROJECT = Reference(id="P1")
TYPE = "timesheet.approved.v1"


async def running(firm: Firm) -> Firm:
    """A firm with a project that is set up."""
    await firm.open(1)
    for each in (new_customer("C1"), won("P1", "C1")):
        await firm.publish(each)
    await until(lambda: "active" in str(firm.store.tables.row(ActorKey("project", "P1")).state))
    await settled(firm)
    return firm


async def settled(firm: Firm) -> None:
    """Until nothing is under way."""
    await until(lambda: not (firm.store.tables.outbox or firm.depth()))


async def tried(firm: Firm, said: Outgoing, type: str = TYPE) -> Tried:
    """What it would come to, with a look that all is as it was."""
    clients = firm.store.clients()
    before = standing(firm)
    found = await firm.gateways[0].runtime.trial(clients.commits, clients.entities).of(type, said.body)
    assert standing(firm) == before
    return found


def standing(firm: Firm) -> tuple[object, ...]:
    """All that a commit would change."""
    tables = firm.store.tables
    rows = {key: (entity.row.row_version, entity.row.lane) for key, entity in tables.entities.items()}
    return (
        rows, len(tables.inbox), len(tables.timeline), len(tables.outbox), dict(tables.claims), len(tables.cases),
        len(tables.dead_letters), len(tables.wakes),
    )  # fmt: skip


def test_what_would_be_applied_is_what_is_applied() -> None:
    async def story() -> None:
        # Given a running project, when a sheet is tried
        firm = await running(Firm())
        said = sheet("S1", PROJECT, 1, "7.50")
        found = await tried(firm, said)
        # Then both lines would be billed, and their month would hear of it
        assert found.turn is not None
        assert (found.verdict, found.key, found.failure, found.known) == (Verdict.APPLIED, SHEET, None, None)
        queued = [each.command for each in found.turn.queued]
        assert [(command.operation, *map(str, money_of(command.body).values())) for command in queued] == [
            ("billable.post", "941.25"), ("billable.post", "941.25"), ("billed_month.listed",),
        ]  # fmt: skip
        # And once it is published, exactly that is done
        await firm.publish(said)
        await until(lambda: len(firm.books["erp"].repeated) == 0 and firm.books["erp"].money() != 0)
        await settled(firm)
        booked = {place[1] for place in firm.books["erp"].entries if place[0] == "billable.post"}
        assert booked == {command.reference for command in queued if command.operation == "billable.post"}
        # And tried again it is known: nothing would be done
        again = await tried(firm, said)
        assert again.known is not None
        assert (again.verdict, again.known.verdict, again.turn) == (Verdict.APPLIED, Verdict.APPLIED, None)
        # With another content under the same id it would be a conflict, of which nothing is decided
        changed = approved(line("L1", "3.25"), revision=2, project=PROJECT)
        other = await tried(firm, event(PSA, "S1-r1", SHEET, changed))
        assert other.turn is not None
        assert other.failure is not None
        assert (other.verdict, other.failure.code, other.turn.queued) == (Verdict.CONFLICT, "id_reused", [])

    run(story())


def test_what_would_wait_or_stop_says_why() -> None:
    async def story() -> None:
        firm = await running(Firm())
        # A project that is not there, by our id and by another system's
        waits = await tried(firm, sheet("S1", Reference(id="P9"), 1, "1.00"))
        assert waits.turn is not None
        assert (waits.verdict, waits.turn.lane.target) == (Verdict.WAITING, ActorKey("project", "P9"))
        elsewhere = await tried(firm, sheet("S1", Reference(system="psa", external_id="77"), 1, "1.00"))
        assert elsewhere.turn is not None
        assert elsewhere.turn.lane.target == external_key("psa", "project", "77")
        # A role without a price
        odd = event(PSA, "odd", SHEET, approved(line("1", role="nobody"), project=PROJECT))
        stopped = await tried(firm, odd)
        assert stopped.failure is not None
        assert (stopped.verdict, stopped.failure.code) == (Verdict.PARKED, "rate_missing")
        # And what comes behind it is not decided before it
        await firm.publish(odd)
        await until(lambda: firm.cases() == ["rate_missing"])
        behind = await tried(firm, sheet("S1", PROJECT, 2, "1.00"))
        assert behind.turn is not None
        assert (behind.verdict, behind.turn.row.lane.depth, behind.turn.queued) == (Verdict.QUEUED, 1, [])

    run(story())


def test_what_the_door_turns_away_would_be_a_dead_letter() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(1)
        stranger = event("urn:example:stranger", "1", SHEET, approved(project=PROJECT))
        wrong = event(CRM, "1", SHEET, approved(project=PROJECT))
        for said, code in ((stranger, "source_unknown"), (wrong, "type_forbidden")):
            found = await tried(firm, said)
            assert found.failure is not None
            assert (found.verdict, found.failure.code, found.key) == (Verdict.DEAD_LETTER, code, None)
        for body, code in ((b"no JSON", "not_json"), (b"[1]", "event_invalid"), (b'{"source": 1}', "event_invalid")):
            said = Outgoing("", "", body, "", {}, "1")
            found = await tried(firm, said)
            assert found.failure is not None, code
            assert found.verdict is Verdict.DEAD_LETTER
        with pytest.raises(TypeDiffers, match=r"not timesheet\.submitted\.v1"):
            await tried(firm, event(PSA, "1", SHEET, approved(project=PROJECT)), "timesheet.submitted.v1")

    run(story())


def test_a_value_that_another_key_holds_is_found_before_anything_is_claimed() -> None:
    async def story() -> None:
        # Given a source that numbers its lines over all sheets, and a sheet that was billed
        file = POLICY.model_dump(mode="json", exclude_unset=True)
        file["sources"][PSA]["unique_lines"] = True
        firm = await running(Firm(desk=Desk(PolicyFile.model_validate(file))))
        await firm.publish(sheet("S1", PROJECT, 1, "7.50"))
        await until(lambda: len(firm.store.tables.claims) > 1)
        await settled(firm)
        # When the same lines are tried on another sheet
        found = await tried(firm, sheet("S2", PROJECT, 1, "7.50"))
        # Then they would be a duplicate
        assert found.failure is not None
        assert (found.verdict, found.failure.code) == (Verdict.PARKED, "line_booked")

    run(story())
