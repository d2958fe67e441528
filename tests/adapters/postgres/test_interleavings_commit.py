"""Commits beside commits: redeliveries, locks in one order, reliance both ways, and answers that were lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations

import asyncpg
import pytest

from adapters.ports.turns import Again, Batch, Committed, CommitUnknown, Lane, LaneMessage, Refused, Row
from adapters.postgres.commits import PostgresCommits
from schemas.facts import Claim
from schemas.keys import ActorKey
from tests.adapters.postgres.stage import Connection, Held, Stage, commit
from tests.contracts.turns import OTHER_SHEET, PROJECT, SHEET, applied, batch, drained, message, queued

KEYS = [ActorKey("timesheet", f"T-{letter}") for letter in "amz"]


async def lock_row(connection: Connection, key: ActorKey) -> None:
    await connection.execute("SELECT FROM tallystick.entity WHERE (entity, key) = ($1, $2) FOR NO KEY UPDATE", *key)


async def lock_middle(connection: Connection) -> None:
    await lock_row(connection, KEYS[1])


async def version(stage: Stage, key: ActorKey) -> int:
    """The entity version of a key."""
    return (await stage.commits().load([key]))[key].entity_version


class TestRedelivery:
    async def test_ours_applies_it_once(self, stage: Stage) -> None:
        commits = stage.commits()
        for delivery in (1, 2, 1):
            row = (await commits.load([SHEET]))[SHEET]
            await commits.commit(batch(applied(row, message("e1", delivery=delivery))))
        assert await version(stage, SHEET) == 1

    async def test_one_statement_with_both_side_by_side_applies_it_twice(self, stage: Stage) -> None:
        await stage.install("apply_in_one_statement")
        await stage.seed(SHEET)
        for delivery in (1, 2):
            row = (await stage.commits().load([SHEET]))[SHEET]
            delivered = message("e1", delivery=delivery)
            assert await stage.observer.fetchval(
                "SELECT wrong.apply($1, $2, $3, $4, $5, $6)",
                *SHEET, row.row_version, delivered.ref, delivered.source, delivered.id,
            )  # fmt: skip
        assert await version(stage, SHEET) == 3


class TestLaneHead:
    """Two processes have read the same head; one applies it, the other loads the row anew and tries its head again."""

    async def head(self, stage: Stage) -> LaneMessage:
        commits = stage.commits()
        await commits.commit(batch(queued(Row(SHEET), message("e1"))))
        return (await commits.lanes([SHEET], limit=1, room=1000))[SHEET][0]

    async def test_ours_applies_it_once(self, stage: Stage) -> None:
        head = await self.head(stage)
        answers = []
        for _ in range(2):
            commits = stage.commits()
            row = (await commits.load([SHEET]))[SHEET]
            answers += await commits.commit(batch(drained(replace(row, lane=Lane(depth=1, tail=2)), head)))
        assert answers == [Committed(), Refused(Again.STALE_WRITER)]
        assert await version(stage, SHEET) == 1

    async def test_a_row_that_is_updated_whatever_its_verdict_is_applied_twice(self, stage: Stage) -> None:
        await stage.install("lane_rows_unconditional")
        head = await self.head(stage)
        for _ in range(2):
            row = (await stage.commits().load([SHEET]))[SHEET]
            drain = "SELECT wrong.drain($1, $2, $3, $4)"
            assert await stage.observer.fetchval(drain, *SHEET, row.row_version, head.message.ref)
        assert await version(stage, SHEET) == 2


class TestLockOrder:
    """Two batches of the same keys in opposite order; the key in the middle is locked until both wait."""

    async def test_ours_takes_one_order(self, stage: Stage) -> None:
        await stage.seed(*KEYS)
        rows = await stage.commits().load(KEYS)
        forth = [applied(rows[key], message(f"forth {key}")) for key in KEYS]
        back = [applied(rows[key], message(f"back {key}")) for key in reversed(KEYS)]
        blocker = await stage.hold(lock_middle)
        tasks = [stage.start(stage.commits().commit(batch(*turns))) for turns in (forth, back)]
        await stage.until_waiting(*tasks)
        await blocker.rollback()
        answers = [await task for task in tasks]
        assert [Committed()] * 3 in answers
        assert [Refused(Again.STALE_WRITER)] * 3 in answers

    async def test_the_order_in_which_rows_come_deadlocks(self, stage: Stage) -> None:
        await stage.install("unsorted")
        await stage.seed(*KEYS)
        blocker = await stage.hold(lock_middle)
        tasks = [
            stage.start(
                (await stage.connection()).execute(
                    "SELECT wrong.commit($1, $2)", [key.entity for key in keys], [key.id for key in keys]
                )
            )
            for keys in (KEYS, KEYS[::-1])
        ]
        await stage.until_waiting(*tasks)
        await blocker.rollback()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends].count(asyncpg.DeadlockDetectedError) == 1

    @pytest.mark.parametrize("held_up", range(3))
    async def test_placeholders_and_locks_do_not_deadlock(self, stage: Stage, held_up: int) -> None:
        # given: of three keys one is known; others come new with each batch, and each batch relies on two of them
        await stage.seed(KEYS[held_up])
        rows = await stage.commits().load(KEYS)
        blocker = await stage.hold(lambda connection: lock_row(connection, KEYS[held_up]))
        tasks = []
        for number, order in enumerate(permutations(KEYS)):
            turn = applied(rows[order[0]], message(f"e{number}"))
            turn.relied = {key: rows[key].entity_version for key in order[1:]}
            tasks.append(stage.start(stage.commits().commit(batch(turn))))
        await stage.until_waiting(*tasks)
        # then: all end, and they committed one after the other
        await blocker.rollback()
        answers = [(await task)[0] for task in tasks]
        assert answers.count(Committed()) == 1


class TestRelianceBothWays:
    """Two batches, each relying on the other's key as it was: one of them must decide again."""

    @pytest.mark.parametrize("project_is_first", [True, False])
    async def test_ours_commits_one(self, stage: Stage, project_is_first: bool) -> None:  # noqa: FBT001  # a case
        await stage.seed(PROJECT, SHEET)
        rows = await stage.commits().load([PROJECT, SHEET])
        project, sheet = applied(rows[PROJECT], message("p2")), applied(rows[SHEET], message("e2"))
        project.relied, sheet.relied = {SHEET: 1}, {PROJECT: 1}
        first, second = (project, sheet) if project_is_first else (sheet, project)
        held = await stage.hold(lambda connection: commit(connection, first))
        coming = stage.start(commit(await stage.connection(), second))
        await stage.until_waiting(coming)
        await held.commit()
        assert await coming == [Refused(Again.REFERENCE)]

    async def test_versions_that_are_compared_and_not_locked_let_both_commit(self, stage: Stage) -> None:
        await stage.install("relied_unlocked")
        await stage.seed(PROJECT, SHEET)
        apply = "SELECT wrong.apply($1, $2, $3, $4, 1)"
        held = await stage.hold(lambda connection: connection.fetchval(apply, *PROJECT, *SHEET))
        assert await (await stage.connection()).fetchval(apply, *SHEET, *PROJECT)
        await held.commit()
        assert (await version(stage, PROJECT), await version(stage, SHEET)) == (2, 2)


class TestClaimReleasedMeanwhile:
    """A claim is another key's when it is tried, and nobody's when it is looked at: it was let go in between."""

    TRIED = (Claim("tax", "DE-1"), Claim("tax", "DE-2"))
    """In the order in which they are inserted; the second one is held up."""

    async def held_up(self, stage: Stage) -> tuple[Row, Held]:
        """The first is held by a key, of which this is the row, and the second by a commit that has not ended."""
        commits = stage.commits()
        holding = applied((await commits.load([KEYS[0]]))[KEYS[0]], message("holding"))
        holding.claims.append(self.TRIED[0])
        await commits.commit(batch(holding))
        blocking = applied(Row(KEYS[1]), message("blocking"))
        blocking.claims.append(self.TRIED[1])
        blocker = await stage.hold(lambda connection: commit(connection, blocking))
        return (await commits.load([KEYS[0]]))[KEYS[0]], blocker

    async def let_go(self, stage: Stage, holder: Row, blocker: Held) -> None:
        """The first is released for good, and then what held the second up is gone."""
        releasing = applied(holder, message("releasing"))
        releasing.releases.append(self.TRIED[0])
        assert await stage.commits().commit(batch(releasing)) == [Committed()]
        await blocker.rollback()

    async def claims(self, stage: Stage) -> list[str]:
        """Values that the last key holds."""
        rows = await stage.observer.fetch(
            "SELECT value FROM tallystick.claim WHERE (entity, key) = ($1, $2) ORDER BY value", *KEYS[2]
        )
        return [row["value"] for row in rows]

    async def test_ours_decides_again_and_has_both(self, stage: Stage) -> None:
        holder, blocker = await self.held_up(stage)
        claiming = applied(Row(KEYS[2]), message("claiming"))
        claiming.claims.extend(self.TRIED)
        coming = stage.start(stage.commits().commit(batch(claiming)))
        await stage.until_waiting(coming)
        await self.let_go(stage, holder, blocker)
        assert await coming == [Refused(Again.STALE_WRITER)]
        assert await self.claims(stage) == []
        assert await stage.commits().commit(batch(claiming)) == [Committed()]
        assert await self.claims(stage) == ["DE-1", "DE-2"]

    async def test_one_that_looks_for_other_holders_alone_goes_on_without_it(self, stage: Stage) -> None:
        await stage.install("claim_held_by_another")
        holder, blocker = await self.held_up(stage)
        coming = stage.start(
            (await stage.connection()).fetchval(
                "SELECT wrong.claim($1, $2, 'tax', $3)", *KEYS[2], [claim.value for claim in self.TRIED]
            )
        )
        await stage.until_waiting(coming)
        await self.let_go(stage, holder, blocker)
        assert await coming
        assert await self.claims(stage) == ["DE-2"]


class TestCommitInFlight:
    """The connection is lost after the statement was sent and before it has ended."""

    @pytest.fixture(params=["new key", "known key"])
    async def ours(self, request: pytest.FixtureRequest, stage: Stage) -> Batch:
        """A batch of one turn."""
        if request.param == "known key":
            await stage.seed(SHEET)
        return batch(applied((await stage.commits().load([SHEET]))[SHEET], message("e1")))

    async def in_flight(self, stage: Stage, ours: Batch) -> tuple[PostgresCommits, int, Held]:
        """The commit waits for another that holds the same message; its connection is gone, its backend is not."""
        blocker = await stage.hold(lambda connection: commit(connection, applied(Row(OTHER_SHEET), message("e1"))))
        commits = stage.commits()
        await commits.load([SHEET])
        connection = commits._link._connection
        assert connection is not None
        flying = stage.start(commits.commit(ours))
        await stage.until_waiting(flying)
        backend = connection.get_server_pid()
        connection.terminate()
        with pytest.raises(CommitUnknown):
            await flying
        return commits, backend, blocker

    async def test_resolve_waits_and_finds_it_committed(self, stage: Stage, ours: Batch) -> None:
        commits, _, blocker = await self.in_flight(stage, ours)
        resolving = stage.start(commits.resolve(ours))
        await stage.until_waiting(resolving, others=1)
        await blocker.rollback()
        assert await resolving == [True]
        [again] = await commits.commit(ours)
        assert isinstance(again, Refused)
        assert again.why is Again.DUPLICATE

    async def test_resolve_waits_and_finds_it_rolled_back(self, stage: Stage, ours: Batch) -> None:
        commits, backend, blocker = await self.in_flight(stage, ours)
        resolving = stage.start(commits.resolve(ours))
        await stage.until_waiting(resolving, others=1)
        await stage.observer.execute("SELECT pg_terminate_backend($1)", backend)
        assert await resolving == [False]
        await blocker.rollback()
        assert await commits.commit(ours) == [Committed()]

    async def test_a_backend_that_ends_while_we_listen_is_unknown_too(self, stage: Stage, ours: Batch) -> None:
        blocker = await stage.hold(lambda connection: commit(connection, applied(Row(OTHER_SHEET), message("e1"))))
        commits = stage.commits()
        flying = stage.start(commits.commit(ours))
        await stage.until_waiting(flying)
        await stage.observer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(CommitUnknown):
            await flying
        await blocker.rollback()
        assert await commits.resolve(ours) == [False]

    async def test_a_cancelled_commit_is_found_as_it_ended(self, stage: Stage, ours: Batch) -> None:
        blocker = await stage.hold(lambda connection: commit(connection, applied(Row(OTHER_SHEET), message("e1"))))
        commits = stage.commits()
        flying = stage.start(commits.commit(ours))
        await stage.until_waiting(flying)
        flying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flying
        resolving = stage.start(commits.resolve(ours))
        await blocker.rollback()
        [is_ours] = await resolving
        [answer] = await commits.commit(ours)
        assert (answer == Committed()) is not is_ours

    async def test_a_version_alone_takes_our_own_commit_for_a_strangers(self, stage: Stage, ours: Batch) -> None:
        await stage.install("resolve_by_version")
        _, _, blocker = await self.in_flight(stage, ours)
        await blocker.rollback()
        seen = ours.turns[0].row.row_version
        moved = "SELECT row_version > $3 FROM tallystick.entity WHERE (entity, key) = ($1, $2)"
        await stage.until_true(moved, *SHEET, seen)
        assert await stage.observer.fetchval("SELECT wrong.resolve($1, $2, $3)", *SHEET, seen) == "a stranger"
        assert await stage.commits().resolve(ours) == [True]
