"""The pages for single incidents, docs/vendor-down.md and docs/wrong-mapping.md, command by command on real servers."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any, Final

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.timesheet.v1 import Withdrawn
from schemas.values import Reference
from tests.integration.events import EXPORTS, PSA, customer, deal, event, sheet
from tests.integration.firm import Firm, policy_for, until
from tests.integration.pages import Script
from tests.integration.test_night import BREAKER, Night, write

PROJECT: Final = Reference(id="P1")
SHEETS: Final = 5
WRONG: Final = {"consulting": {"revenue": "8400"}}
RIGHT: Final = {"consulting": {"revenue": "8336"}}


async def begun(installation: Firm, page: str, policy: dict[str, Any]) -> Night:
    """A firm with a project, and the page of whoever is on call."""
    write(installation.folder, policy)
    gateway = await installation.start_ready()
    env = {
        "TALLYSTICK_URL": gateway.api,
        "TALLYSTICK_TOKEN_FILE": str(installation.folder / "api-token"),
        "TALLYSTICK_DATABASE_URL": installation.database_url,
    }
    await installation.publish([customer("C1"), deal("P1", "C1")])
    await until(partial(applied, installation, 2), 30, "the deal is won")
    await until(installation.is_settled, 30, "the project is open")
    return Night(installation, Script(page, env))


async def applied(installation: Firm, messages: int) -> bool:
    return (await installation.verdicts()).get("applied", 0) == messages


async def posted(installation: Firm, operation: str = "billable.post") -> list[str]:
    return [str(row["reference"]) for row in await installation.journal() if row["operation"] == operation]


async def has_posted(installation: Firm, lines: int) -> bool:
    return len(await posted(installation)) == lines


async def test_a_vendor_was_down(installation: Firm) -> None:
    # Given an ERP that goes away with answers on their way
    night = await begun(installation, "vendor-down.md", policy_for(installation.sandboxes, gate=BREAKER))
    script = night.script
    await installation.faults(
        "erp", {"fault": "apply_then_500", "count": 1}, {"fault": "down", "share": 1.0, "reset": True}
    )
    await installation.publish([sheet(f"S{number}", PROJECT) for number in range(SHEETS)])
    await night.until_held("erp", is_held=True)
    # When the page is followed
    told = await script.does("status")
    assert [system["system"] for system in told["systems"] if system["held"]] == ["erp"]
    [shown] = await script.does("system show erp")
    assert shown["breaker"] != "closed"
    await script.does("system pause erp")
    await installation.faults("erp")
    assert (await script.does("system test erp"))["ready"]
    await script.does("system resume erp")
    await until(partial(has_posted, installation, SHEETS), 60, "all is posted")
    await until(installation.is_settled, 60, "nothing is under way")
    # Then nothing is left, everything was posted once, and the books agree
    assert await script.does("case groups --class unknown_outcome") == []
    assert await script.does("case groups --class unavailable") == []
    assert (await script.does("recon start"))["is_clean"]
    assert set(Counter(await posted(installation)).values()) == {1}
    assert script.left == []


async def test_a_mapping_was_wrong(installation: Firm) -> None:
    right = policy_for(installation.sandboxes) | {"service_lines": RIGHT}
    night = await begun(installation, "wrong-mapping.md", right)
    script, file = night.script, installation.folder / "policy.yaml"
    # Given a code that was missing for a while
    write(installation.folder, right | {"service_lines": ["advisory"]})
    await script.again("mapping reload --reason 'the new catalogue'")
    await installation.publish([sheet(f"S{number}", PROJECT) for number in range(SHEETS)])
    await until(partial(night.has_cases, "service_line_unmapped", SHEETS), 30, "sheets are parked")
    # When it is mended as the page says, though with another account than meant, then all of it is booked
    [group] = await script.does("case groups --class mapping")
    assert group["code"] == "service_line_unmapped"
    assert (await script.does("mapping list"))[0]["reason"] == "the new catalogue"
    write(installation.folder, right | {"service_lines": WRONG})
    await script.does("policy check", FILE=file)
    preview = await script.does("mapping preview", FILE=file)
    assert preview["then"] != preview["now"], preview
    await script.does("mapping reload --no-retry")
    assert await night.cases("service_line_unmapped") == SHEETS
    plan = await script.does("replay plan --class mapping")
    assert plan["verdicts"] == {"applied": SHEETS}
    assert await script.does("replay items", PLAN=plan["id"]) == []
    done = await script.does("replay start", TOKEN=plan["token"])
    assert (done["phase"], done["settled"], done["failed"]) == ("done", SHEETS, 0)
    assert await script.does("replay items", PLAN=plan["id"]) == []
    await messages_became_dead_letters(night, right | {"service_lines": WRONG})
    await it_was_posted_wrongly(night, right)
    assert script.left == []


async def messages_became_dead_letters(night: Night, policy: dict[str, Any]) -> None:
    """An old system exports a currency that its intake does not know."""
    script, body = night.script, b'{"nr": "C9", "name": "Customer C9", "cur": "USD"}'
    await night.firm.publish([Outgoing(EVENTS, EXPORTS, body, "application/json", {}, message_id="C9")])

    async def is_dead() -> bool:
        letters = await script.again("dead-letter list")
        return [letter["failure_class"] for letter in letters] == ["mapping"]

    await until(is_dead, 30, "it is a dead letter")
    known = policy["intakes"]["legacy"]
    currency = {"path": "/cur", "map": {"$": "USD", "USD": "USD"}}
    mended = policy | {"intakes": {"legacy": known | {"data": known["data"] | {"currency": currency}}}}
    write(night.firm.folder, mended)
    await script.does("mapping reload --reason")
    [retried] = await script.does("dead-letter retry")
    assert retried["outcome"] == "admitted"
    assert await script.again("dead-letter list") == []


async def it_was_posted_wrongly(night: Night, right: dict[str, Any]) -> None:
    """A revision whose lines say the same changes nothing; a withdrawal and the next revision do."""
    firm = night.firm
    await until(partial(has_posted, firm, SHEETS), 60, "all is posted")
    write(firm.folder, right)
    await night.script.again("mapping reload --reason 'the right account'")
    await firm.publish([sheet("S0", PROJECT, revision=2)])
    withdrawn = Withdrawn(legal_entity="US01", project=PROJECT, revision=1, reason="booked on the wrong account")
    await firm.publish([event(PSA, "S1-w1", "timesheet.withdrawn", "S1", withdrawn), sheet("S1", PROJECT, revision=2)])
    await until(partial(has_posted, firm, SHEETS + 1), 60, "one is booked anew")
    await until(firm.is_settled, 60, "nothing is under way")
    assert (await firm.verdicts())["applied"] == 2 + SHEETS + 1 + 3
    first = [f"timesheet/S{number}/L1.r1/1" for number in range(SHEETS)]
    assert sorted(await posted(firm)) == sorted([*first, "timesheet/S1/L1.r2/1"])
    assert await posted(firm, "billable.reverse") == ["timesheet/S1/L1.r1/1"]
