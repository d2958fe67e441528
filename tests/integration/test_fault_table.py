"""The table of faults, row by row, on real servers: one effect, duplicates suppressed, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import BATCH, SILENT, Firm, GatewayProcess, until
from tests.proxy.behind import Proxies, proxies
from tests.proxy.dialects import Sight
from tests.proxy.proxy import Harm, Proxy, Trap

LINES = BATCH["size"] + 1
"""One more than travel together: so each sheet is two postings, and a fault strikes the first or the second."""
UNKNOWN = """
    SELECT count(*) FROM (SELECT DISTINCT token, request FROM tallystick.attempt WHERE ending = 'unknown') each
"""
"""Requests whose answer did not come, however many commands travelled in each."""
CUT_SHORT = "SELECT count(DISTINCT holder) FROM tallystick.attempt WHERE ending IS NULL"
"""Processes that never said what became of something they had begun."""
SETTLED = 30.0
"""Seconds within which a sheet is posted and everything about it is settled, whatever was cut."""
TAKEN_OVER = 60.0
"""The same where a process has died: its leases lapse first."""


@dataclass(slots=True)
class Stage:
    """A firm with one project, and the proxies that its gateway processes go through."""

    firm: Firm
    proxies: Proxies
    sheets: int = 0

    async def start(self) -> GatewayProcess:
        return await self.firm.start_ready(**SILENT, **self.proxies.environment)

    async def publish(self) -> str:
        """One more sheet; its id."""
        self.sheets += 1
        id = f"T{self.sheets}"
        await self.firm.publish([sheet(id, Reference(id="P1"), lines=LINES)])
        return id

    async def is_settled(self) -> bool:
        """Whether every sheet is applied and no command, lane, or lease is left."""
        applied = await self.firm.count(
            "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied' AND entity = 'timesheet'"
        )
        leases = await self.firm.count("SELECT count(*) FROM tallystick.lease")
        return applied == self.sheets and not leases and await self.firm.is_settled()

    async def prove(self, what: str, seconds: float = SETTLED) -> None:
        """Everything settles, with each line posted once and in order, and every message applied once."""
        await until(self.is_settled, seconds, f"all is settled after {what}")
        rows = await self.firm.journal()
        posted = Counter(str(row["reference"]) for row in rows if row["operation"] == "billable.post")
        expected = [f"timesheet/T{n}/L{line}.r1/1" for n in range(1, self.sheets + 1) for line in range(1, LINES + 1)]
        assert posted == Counter(expected), what
        assert await self.firm.verdicts() == {"applied": self.sheets + 2}, what
        for n in range(1, self.sheets + 1):
            lines = [reference for reference in posted if reference.startswith(f"timesheet/T{n}/")]
            assert lines == [f"timesheet/T{n}/L{line}.r1/1" for line in range(1, LINES + 1)], what
        applied = await self.firm.count(
            "SELECT count(*) FROM tallystick.timeline WHERE what = 'applied' AND entity = 'timesheet'"
        )
        assert applied == self.sheets, what

    async def counted(self, metric: str, label: str) -> float:
        """A counter of the running process; 0 if it has not begun to count."""
        gateway = self.firm.started[-1]
        async with self.firm.session.get(f"{gateway.ops}/metrics") as response:
            lines = (await response.text()).splitlines()
        wanted = f"{metric}{{{label}}} "
        return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)

    async def knows(self, duplicates: int) -> None:
        """So many messages came again and were known."""

        async def has_known() -> bool:
            return await self.counted("tallystick_duplicates_total", 'entity="timesheet"') >= duplicates

        await until(has_known, SETTLED, f"{duplicates} duplicates are known")

    async def kill(self, proxy: Proxy, sight: Sight, harm: Harm) -> None:
        """Kill the process exactly then, start another one, and prove that it made no difference."""
        trap = proxy.set(Trap(sight, harm, then=self.firm.started[-1].process.kill))
        await self.publish()
        await until(_sprung(trap), SETTLED, f"{trap} springs")
        await self.firm.started[-1].process.wait()
        await self.start()
        await self.prove(f"kill at {sight}, {harm}", TAKEN_OVER)

    async def harm(self, proxy: Proxy, trap: Trap) -> None:
        """Publish a sheet into a trap, and prove that it made no difference."""
        proxy.set(trap)
        await self.publish()
        await until(_sprung(trap), SETTLED, f"{trap} springs")
        await self.prove(repr(trap))


@pytest_asyncio.fixture
async def stage(installation: Firm) -> AsyncIterator[Stage]:
    """A gateway process that runs, one project that exists in all systems, and nothing open."""
    firm = installation
    async with proxies(firm.database_url, firm.amqp_url, firm.sandboxes, firm.folder) as between:
        made = Stage(firm, between)
        await made.start()
        await firm.publish([customer("C1"), deal("P1", "C1")])
        await until(lambda: _has_project(firm), SETTLED, "the project is set up")
        yield made
        for gateway in firm.started:
            await gateway.kill()


async def test_a_commit_that_is_cut_off_is_one_effect(stage: Stage) -> None:
    """The first commit applies the sheet; the following ones decide on results and so free the next command."""
    for nth in (1, 2, 3):
        for sight, harm in (
            (Sight.COMMIT_ASKED, Harm.RESET_BEFORE),
            (Sight.COMMIT_ASKED, Harm.RESET_AFTER),
            (Sight.COMMIT_ASKED, Harm.CLOSE_AFTER),
            (Sight.COMMIT_ANSWERED, Harm.RESET_BEFORE),
        ):
            await stage.harm(stage.proxies.database, Trap(sight, harm, nth))
    # An answer that was lost is asked for, not guessed.
    unknown = await stage.counted("tallystick_store_lost_total", 'outcome="unknown"')
    assert unknown >= 12


async def test_what_is_committed_but_not_acked_comes_again_and_is_known(stage: Stage) -> None:
    for harm in (Harm.RESET_BEFORE, Harm.RESET_AFTER, Harm.CLOSE_BEFORE):
        await stage.harm(stage.proxies.broker, Trap(Sight.ACK, harm))
    # The two whose ack did not arrive for certain; of the third one nobody can say.
    await stage.knows(2)


async def test_a_lost_ack_is_a_duplicate_once_the_connection_goes(stage: Stage) -> None:
    await stage.harm(stage.proxies.broker, Trap(Sight.ACK, Harm.SWALLOW))
    assert stage.proxies.broker.cut() > 0
    await stage.knows(1)
    await stage.prove("a lost ack")


async def test_a_posting_that_is_cut_off_is_one_effect(stage: Stage) -> None:
    for nth in (1, 2):
        for sight, harm in (
            (Sight.POST_BEGAN, Harm.RESET_BEFORE),
            (Sight.POST_ASKED, Harm.RESET_BEFORE),
            (Sight.POST_ASKED, Harm.RESET_AFTER),
            (Sight.POST_ANSWERED, Harm.RESET_BEFORE),
            (Sight.POST_ANSWERED, Harm.CLOSE_BEFORE),
        ):
            await stage.harm(stage.proxies.systems["erp"], Trap(sight, harm, nth))
    await stage.harm(stage.proxies.systems["erp"], Trap(Sight.POST_ANSWERED, Harm.HALF_OPEN))
    assert await stage.firm.count(UNKNOWN) >= 9


async def test_a_claim_or_a_record_that_is_cut_off_is_one_effect(stage: Stage) -> None:
    for sight in (Sight.CLAIM_ASKED, Sight.RECORD_ASKED):
        for harm in (Harm.RESET_BEFORE, Harm.RESET_AFTER):
            await stage.harm(stage.proxies.database, Trap(sight, harm))
    for sight in (Sight.CLAIM_ANSWERED, Sight.RECORD_ANSWERED):
        await stage.harm(stage.proxies.database, Trap(sight, Harm.RESET_BEFORE))


@pytest.mark.parametrize(
    ("where", "sight", "harm"),
    [
        ("database", Sight.COMMIT_ASKED, Harm.RESET_BEFORE),
        ("database", Sight.COMMIT_ASKED, Harm.RESET_AFTER),
        ("database", Sight.COMMIT_ANSWERED, Harm.RESET_BEFORE),
        ("broker", Sight.ACK, Harm.RESET_BEFORE),
    ],
)
async def test_a_process_killed_around_its_commit(stage: Stage, where: str, sight: Sight, harm: Harm) -> None:
    await stage.kill(stage.proxies.database if where == "database" else stage.proxies.broker, sight, harm)


async def test_a_process_killed_while_it_sends(stage: Stage) -> None:
    """Its leases lapse; whoever takes them over treats what was begun as unknown."""
    database, erp = stage.proxies.database, stage.proxies.systems["erp"]
    for killed, (proxy, sight, harm) in enumerate(
        (
            (database, Sight.CLAIM_ANSWERED, Harm.RESET_BEFORE),
            (erp, Sight.POST_ASKED, Harm.RESET_AFTER),
            (database, Sight.RECORD_ASKED, Harm.RESET_BEFORE),
        ),
        start=1,
    ):
        await stage.kill(proxy, sight, harm)
        assert await stage.firm.count(CUT_SHORT) == killed


async def _has_project(firm: Firm) -> bool:
    linked = await firm.count("SELECT count(*) FROM tallystick.attempt WHERE operation = 'project.link'")
    leases = await firm.count("SELECT count(*) FROM tallystick.lease")
    return linked == 1 and not leases and await firm.is_settled()


def _sprung(trap: Trap) -> Callable[[], Awaitable[bool]]:
    async def sprung() -> bool:
        return trap.sprung.is_set()

    return sprung
