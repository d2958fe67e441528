"""The night of docs/night.md on real servers, under live traffic; the ERP's own books are the judge."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED
from schemas.values import Reference
from tests.integration.events import sheet
from tests.integration.firm import SILENT, Firm, policy_for, until
from tests.integration.load import PROJECTS, Load, prove_order
from tests.integration.pages import Script

BREAKER: Final = {"breaker": {"failures": 3, "open_seconds": 0.3, "longest_seconds": 1}}
"""An hour of an outage in seconds."""
WRONG_ROLE: Final = "gardener"
POISONED: Final = ("X1", "X2", "X3")
GARBAGE: Final = ("{", "<sheet/>")
LOST_ANSWERS: Final = 3
STORY: Final = [
    "system.pause", "system.resume", "policy.reload", "policy.rollback", "replay.plan", "replay.start", "replay.end",
    "dead_letter.payload", "replay.plan", *["lane.discard"] * len(POISONED),
    *["dead_letter.discard"] * len(GARBAGE), "recon.start",
]  # fmt: skip


class Night:
    """A night at an installation: what happens to it, and the page of whoever is on call."""

    def __init__(self, installation: Firm, script: Script) -> None:
        self.firm = installation
        self.script = script

    async def until_held(self, name: str, *, is_held: bool) -> None:
        """The system is held back, or not any more."""

        async def is_so() -> bool:
            [shown] = await self.script.again(f"system show {name}")
            return any(each["reason"] in ("breaker", "retry_after") for each in shown["held"]) == is_held

        await until(is_so, 30, f"{name} is held back: {is_held}")

    async def cases(self, code: str) -> int:
        """How many cases of a code stand open."""
        groups = await self.script.again("case groups")
        return sum(group["cases"] for group in groups if group["code"] == code)

    async def has_cases(self, code: str, count: int) -> bool:
        return await self.cases(code) >= count

    async def has_letters(self) -> bool:
        return len(await self.script.again("dead-letter list")) == len(GARBAGE)


async def test_a_night_with_nothing_but_the_command_line(installation: Firm) -> None:
    # Given a firm at work
    policy = policy_for(installation.sandboxes, gate=BREAKER)
    write(installation.folder, policy)
    gateway = await installation.start_ready(**SILENT)
    env = {"TALLYSTICK_URL": gateway.api, "TALLYSTICK_TOKEN_FILE": str(installation.folder / "api-token")}
    script = Script("night.md", env)
    night = Night(installation, script)
    load = Load(installation, keys=40, per_round=5)
    await load.prepare()
    await until(partial(has_won, installation), 30, "deals are won")
    await until(installation.is_settled, 30, "projects are open")
    evening = datetime.now(UTC).isoformat()
    # And somebody who has loaded a policy that does not sell consulting any more
    async with load.running():
        head = await before_anything(script)
        await the_erp_is_down(night)
        await a_mapping_was_wrong(night, policy)
        await a_sender_sends_poison(night)
    await until(load.is_done, 60, "all is posted")
    # In the morning nothing stands open, and the books agree
    told = await script.does("status")
    assert told["ready"]
    assert [told["open"][name] for name in ("lanes", "commands", "cases", "dead_letters")] == [[], [], [], 0]
    assert (await script.does("recon start"))["is_clean"]
    acts = await script.does("audit list", EVENING=evening)
    story = [act["action"] for act in acts[::-1]]
    assert story == STORY, story
    assert all(act["reason"] for act in acts)
    assert (await script.does("audit verify", NOTED=head))["findings"] == []
    assert (await script.does("audit head"))["head"]
    assert script.left == []
    # And the ERP's own books have each line once, those of each key in their order
    await prove_books(installation, load.published + len(POISONED))
    assert await gateway.stop() == 0


async def has_won(installation: Firm) -> bool:
    return (await installation.verdicts()).get("applied", 0) == PROJECTS + 5


async def before_anything(script: Script) -> str:
    assert "operate" in (await script.does("me"))["permissions"]
    assert (await script.does("status"))["ready"]
    return str((await script.does("audit head"))["head"])


async def the_erp_is_down(night: Night) -> None:
    """It goes away with answers on their way, and comes back."""
    script, down = night.script, {"fault": "down", "share": 1.0, "reset": True}
    await night.firm.faults("erp", {"fault": "apply_then_500", "count": LOST_ANSWERS}, down)
    await night.until_held("erp", is_held=True)
    told = await script.does("status")
    [erp] = [system for system in told["systems"] if system["system"] == "erp"]
    assert told["ready"]
    assert erp["held"]
    [shown] = await script.does("system show erp")
    assert shown["last_failure"]
    assert await script.does("lane list") is not None
    await script.does("system pause erp")
    await night.firm.faults("erp")
    await script.does("system resume erp")
    await night.until_held("erp", is_held=False)
    assert (await script.does("status"))["ready"]
    assert (await script.does("system show erp"))[0]["breaker"] == "closed"


async def a_mapping_was_wrong(night: Night, policy: dict[str, Any]) -> None:
    """Somebody has loaded a policy that does not know what is sold; a plan, and a replay of it."""
    script = night.script
    write(night.firm.folder, {**policy, "service_lines": ["advisory"]})
    await script.again("mapping reload --reason 'the new catalogue'")
    await until(partial(night.has_cases, "service_line_unmapped", 20), 30, "sheets are parked")
    groups = await script.does("case groups --class mapping")
    assert {group["code"] for group in groups} == {"service_line_unmapped"}, groups
    [case] = await script.does("case list --class mapping")
    told = await script.does("case show", CASE=case["id"])
    assert "add service line consulting to the policy file" in told["cause"]
    wrong, right = await script.does("mapping list")
    assert (wrong["in_force"], wrong["reason"]) == (True, "the new catalogue")
    await script.does("mapping rollback", POLICY=right["policy"])
    plan = await script.does("replay plan --class mapping")
    assert plan["verdicts"] == {"applied": plan["messages"]}
    assert plan["messages"] >= plan["keys"] >= 20
    assert await script.does("replay items", PLAN=plan["id"]) == []
    done = await script.does("replay start", TOKEN=plan["token"])
    assert (done["phase"], done["settled"], done["failed"]) == ("done", plan["messages"], 0)
    assert await script.does("replay items", PLAN=plan["id"]) == []
    assert await script.does("case groups --class mapping") == []


async def a_sender_sends_poison(night: Night) -> None:
    """What is no event, and sheets that nobody can bill; the right ones come behind them."""
    script = night.script
    await night.firm.publish(
        [Outgoing(EVENTS, "timesheet.approved", body.encode(), STRUCTURED, {}, body) for body in GARBAGE]
        + [sheet(key, Reference(id=f"P{n}"), role=WRONG_ROLE) for n, key in enumerate(POISONED)]
    )
    await until(partial(night.has_cases, "rate_missing", len(POISONED)), 30, "the sheets are parked")
    await until(night.has_letters, 30, "the rest are dead letters")
    letters = await script.does("dead-letter list")
    assert (await script.does("dead-letter show", DIGEST=letters[0]["digest"]))["user_id"] == "guest"
    assert (await script.does("dead-letter payload", DIGEST=letters[0]["digest"])).strip() in GARBAGE
    [group] = await script.does("case groups --class mapping")
    assert (group["code"], group["cases"]) == ("rate_missing", len(POISONED))
    plan = await script.does("replay plan --code rate_missing")
    assert plan["codes"] == {"rate_missing": len(POISONED)}
    assert len(await script.does("replay items", PLAN=plan["id"])) == len(POISONED)
    await night.firm.publish([sheet(key, Reference(id=f"P{n}"), revision=2) for n, key in enumerate(POISONED)])
    discard = "lane discard timesheet $KEY --head $HEAD --reason 'wrong role; revision 2 is right'"
    for key in POISONED:
        is_first = key == POISONED[0]
        show = script.does("lane show", KEY=key) if is_first else script.again("lane show timesheet $KEY", KEY=key)
        head = (await show)["lane"]["head"]
        await (script.does("lane discard", KEY=key, HEAD=head) if is_first
               else script.again(discard, KEY=key, HEAD=head))  # fmt: skip
    await script.does("dead-letter discard", DIGEST=letters[0]["digest"])
    for letter in letters[1:]:
        await script.again("dead-letter discard $DIGEST --reason 'no JSON'", DIGEST=letter["digest"])


async def prove_books(installation: Firm, lines: int) -> None:
    """Each line stands there once, and those of a key in the order in which they were approved."""
    rows = await installation.journal()
    posted = [str(row["reference"]) for row in rows if row["operation"] == "billable.post"]
    assert {reference for reference, count in Counter(posted).items() if count > 1} == set()
    assert len(posted) == lines
    per_key: dict[str, list[int]] = {}
    for reference in posted:
        _, key, line, _ = reference.split("/")
        per_key.setdefault(key, []).append(int(line.partition(".")[0][1:]))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in per_key.values()), "posted out of order"
    assert len({row["key"] for row in rows if row["operation"] == "project.create"}) == PROJECTS
    await prove_order(installation, "T%")


def write(folder: Path, policy: dict[str, Any]) -> None:
    """Put the policy file in its place."""
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
