"""A won deal whose contract the ERP refuses, with kill -9 on the way: resumed, or cancelled and undone.

What CRM, PSA, and ERP did is read from their own journals; what people see, from the API.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Final

import yaml

from tests.integration.desk import Desk, Person, write_callers
from tests.integration.events import customer, deal
from tests.integration.firm import SILENT, Firm, GatewayProcess, Json, until

FINANCE: Final = Person("frieda", ("finance",))
OPERATIONS: Final = Person("sven", ("sre",))
ONLOOKER: Final = Person("otto", (), ("read",))
DEAL: Final = "ENG-1"
OTHER: Final = "ENG-2"
KEY: Final = f"engagement/{DEAL}"
STEP: Final = "step:US01.contract"
WITHIN: Final = 40.0
"""Seconds at most for what a killed process held."""
SET_UP: Final = {
    ("erp", "project.create"): 1,
    ("psa", "project.put"): 1,
    ("erp", "contract.put"): 1,
    ("crm", "workspace.create"): 1,
    ("crm", "project.link"): 1,
}


def slow(operation: str) -> Json:
    """The system works for a while on the deal's next one, and does not mind who has gone meanwhile."""
    return {"fault": "slow", "count": 1, "seconds": 2.0, "operation": operation, "key": KEY}


def refused(seconds: float) -> Json:
    """The ERP thinks for so long about the deal's contract, and refuses it each time."""
    return {"fault": "refuse", "share": 1.0, "seconds": seconds, "operation": "contract.put", "key": KEY}


async def open_for_business(installation: Firm) -> None:
    """Its people, a place for workspaces, and two deals of one customer."""
    policy = installation.folder / "policy.yaml"
    content = yaml.safe_load(policy.read_text(encoding="utf-8"))
    content["legal_entities"]["US01"]["workspace"] = "crm"
    policy.write_text(yaml.safe_dump(content), encoding="utf-8")
    write_callers(installation.folder / "callers.yaml", FINANCE, OPERATIONS, ONLOOKER)
    await installation.publish([customer("C1"), deal(DEAL, "C1"), deal(OTHER, "C1")])


async def start(installation: Firm) -> GatewayProcess:
    return await installation.start_ready(TALLYSTICK_CALLERS_FILE=str(installation.folder / "callers.yaml"), **SILENT)


async def struck(installation: Firm, system: str) -> None:
    """Return once a fault of a system has struck."""

    async def has_struck() -> bool:
        async with installation.session.get(f"{installation.sandboxes[system]}/faults") as response:
            return any(fault["hits"] for fault in await response.json())

    await until(has_struck, WITHIN, f"{system} is asked for what it has trouble with")


async def the_case(desk: Desk, topic: str | None) -> dict[str, Any]:
    """The one open case of the deal, once it is about this; None: about a command."""

    async def is_open() -> bool:
        return [case["case"]["topic"] for case in await desk.cases("engagement", DEAL)] == [topic]

    await until(is_open, WITHIN, f"the case of {topic or 'the command'} is open")
    (case,) = await desk.cases("engagement", DEAL)
    return case


async def comes_to(desk: Desk, status: str, key: str = DEAL) -> dict[str, Any]:
    """The engagement once it has this status."""

    async def is_so() -> bool:
        return bool((await desk.entity("engagement", key))["state"]["status"] == status)

    await until(is_so, WITHIN, f"{key} is {status}")
    return await desk.entity("engagement", key)


def steps(engagement: dict[str, Any]) -> dict[str, str]:
    """Step of its one part -> status."""
    (part,) = engagement["state"]["parts"]
    return {name: step["status"] for name, step in part["steps"].items() if step["status"] != "todo"}


async def effects(installation: Firm, key: str) -> list[tuple[str, str]]:
    """(system, operation) of each effect of a key in all journals, in the order in which they were made."""
    rows = [row for system in installation.sandboxes for row in await installation.journal(system)]
    of_key = sorted((row for row in rows if row["key"] == key), key=lambda row: f"{row['at']}")
    return [(f"{row['system']}", f"{row['operation']}") for row in of_key]


def told(engagement: dict[str, Any]) -> tuple[list[str], dict[str, list[list[str | None]]]]:
    """Types of the events that were applied, and how the attempts at each operation's commands ended; oldest first."""
    lines = list(reversed(engagement["items"]))
    applied = [line["message"]["type"] for line in lines if line["what"] == "applied" and line["message"]]
    endings: defaultdict[str, list[list[str | None]]] = defaultdict(list)
    for asked in (asked for line in lines for asked in line["asked"]):
        endings[asked["operation"]].append([attempt["ending"] for attempt in asked["attempts"]])
    return applied, endings


async def test_a_deal_goes_on_from_the_step_that_was_refused(installation: Firm) -> None:
    await open_for_business(installation)
    await installation.faults("psa", slow("project.put"))
    await installation.faults("erp", refused(0))

    # Given a process that is killed when the project stands in the ERP and the PSA works on its own
    gateway = await start(installation)
    await struck(installation, "psa")
    await gateway.kill()

    # And another that is killed when the ERP has refused the contract for good, and a case says so
    gateway = await start(installation)
    case = await the_case(Desk(gateway, FINANCE), STEP)
    await gateway.kill()

    # Then the next one knows what is done, and the case says why it stands, and what can be done
    gateway = await start(installation)
    desk = Desk(gateway, FINANCE)
    assert await the_case(desk, STEP) == case
    assert "These books do not take it" in case["cause"]
    assert case["fix"]
    assert {"retry", "edit-retry", "cancel"} <= set(case["can"])
    standing = await desk.entity("engagement", DEAL)
    assert steps(standing) == {"customer": "done", "shell": "done", "delivery": "done", "contract": "failed"}
    assert await effects(installation, KEY) == [("erp", "project.create"), ("psa", "project.put")]
    # While the other deal of the customer has gone on
    await comes_to(desk, "active", OTHER)

    # When the books are put right, and finance retries; who may only look may not
    await Desk(gateway, ONLOOKER).act(case, "retry", "let me", click="0", expect=403)
    await installation.faults("erp")
    answer = await desk.act(case, "retry", "the books take it now", click="1")

    # Then it goes on from there, each thing is done once, and the same click does nothing more
    active = await comes_to(desk, "active")
    assert await desk.act(case, "retry", "the books take it now", click="1") == answer
    await until(installation.is_settled, WITHIN, "everything is settled")
    assert Counter(await effects(installation, KEY)) == SET_UP
    assert Counter(await effects(installation, f"engagement/{OTHER}")) == SET_UP
    assert await effects(installation, "customer/C1") == [("erp", "customer.put")]
    assert (await desk.entity("project", DEAL))["state"]["status"] == "active"

    # And the case and the timeline tell it all
    assert await desk.cases("engagement", DEAL) == []
    (closed,) = await desk.cases("engagement", DEAL, "closed")
    assert [(act["act"], act["by"], act["reason"]) for act in closed["acts"]] == [
        ("retry", FINANCE.name, "the books take it now")
    ]
    applied, endings = told(active)
    assert applied.count("engagement.acted.v1") == 1
    assert endings["project.put"] == [[None, "confirmed"]], "of the first nobody heard"
    assert [each[-1] for each in endings["contract.put"]] == ["unsent", "confirmed"]


async def test_a_deal_that_is_cancelled_is_undone_once_and_in_reverse(installation: Firm) -> None:
    await open_for_business(installation)
    await installation.faults("erp", refused(2.0))

    # Given a process that is killed before it hears that the ERP refuses the contract
    gateway = await start(installation)
    await struck(installation, "erp")
    await gateway.kill()

    # Then the next one cannot know whether something of it still comes, and asks a person to look
    gateway = await start(installation)
    await installation.faults("erp", refused(0))
    lost = await the_case(Desk(gateway, OPERATIONS), None)
    assert (lost["case"]["failure_class"], lost["case"]["owner"]) == ("unknown_outcome", "sre")
    assert lost["can"] == ["settle"]
    await Desk(gateway, OPERATIONS).settle(lost, "not_done", "the ERP does not have it")
    desk = Desk(gateway, FINANCE)
    case = await the_case(desk, STEP)

    # When finance cancels the deal, and the process is killed while the PSA withdraws the project
    await installation.faults("psa", slow("project.withdraw"))
    await desk.act(case, "cancel", "the client backed out", click="1")
    await struck(installation, "psa")
    await gateway.kill()
    gateway = await start(installation)
    desk = Desk(gateway, FINANCE)
    cancelled = await comes_to(desk, "cancelled")
    await until(installation.is_settled, WITHIN, "everything is settled")

    # Then what was done is taken back, the last first, and nothing twice
    assert await effects(installation, KEY) == [
        ("erp", "project.create"),
        ("psa", "project.put"),
        ("psa", "project.withdraw"),
        ("erp", "project.cancel"),
    ]
    assert Counter(await effects(installation, f"engagement/{OTHER}")) == SET_UP
    assert await effects(installation, "customer/C1") == [("erp", "customer.put")]

    # And it is told: who, why, and what stays
    assert steps(cancelled) == {
        "customer": "kept", "shell": "undone", "delivery": "undone", "contract": "skipped",
    }  # fmt: skip
    assert cancelled["state"]["cancelled_by"] == "cancelled by frieda: the client backed out"
    assert any("other deals may rely on the customer" in kept for kept in cancelled["state"]["kept"])
    applied, endings = told(cancelled)
    assert applied.count("engagement.acted.v1") == 1
    assert [each[-1] for each in endings["project.withdraw"] + endings["project.cancel"]] == ["confirmed"] * 2
    assert await desk.cases("engagement", DEAL) == []
