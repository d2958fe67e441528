"""The contract of inbox and claims: each message once, and a value that one key alone holds."""

from __future__ import annotations

import pytest

from adapters.ports.turns import Again, Answer, Committed, Duplicate, Refused
from schemas.facts import Claim
from schemas.keys import ActorKey
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, message, queued

LINE = Claim("line", "L-1")
DUPLICATE = Refused(Again.DUPLICATE, (Duplicate(message("e1", delivery=2).ref, same_body=True),))


async def claiming(process: Process, key: ActorKey, id: str, *claims: Claim) -> list[Answer]:
    """Commit a turn that applies one message and claims values."""
    turn = applied(await process.row(key), message(id))
    turn.claims.extend(claims)
    return await process.commit(turn)


class TestDuplicates:
    async def test_a_redelivery_changes_nothing(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await process.commit(applied(await process.row(SHEET), message("e1")))
        assert await other.commit(applied(await other.row(SHEET), message("e1", delivery=2))) == [DUPLICATE]
        assert (await process.row(SHEET)).entity_version == 1

    async def test_a_redelivery_into_a_lane_changes_nothing(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1")))
        assert await process.commit(queued(await process.row(SHEET), message("e1", delivery=2))) == [DUPLICATE]
        assert len(await process.lane(SHEET)) == 1

    async def test_the_same_delivery_again_after_an_unknown_commit_is_a_duplicate(self, process: Process) -> None:
        # given: a commit whose answer was lost; its row carries the very ref that comes again
        await process.commit(applied(await process.row(SHEET), message("e1")))
        answers = await process.commit(applied(await process.row(SHEET), message("e1")))
        assert answers == [Refused(Again.DUPLICATE, (Duplicate(message("e1").ref, same_body=True),))]
        row = await process.row(SHEET)
        assert (row.row_version, row.entity_version) == (1, 1)

    async def test_the_row_of_the_first_delivery_is_not_taken_back_with_the_second(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("e1")))
        for _ in range(2):
            answers = await process.commit(applied(await process.row(SHEET), message("e1"), message("e2")))
            assert answers == [Refused(Again.DUPLICATE, (Duplicate(message("e1").ref, same_body=True),))]
        assert await process.commit(applied(await process.row(SHEET), message("e2"))) == [Committed()]

    async def test_another_body_under_the_same_id_is_told(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("e1")))
        other = message("e1", delivery=2, body=b"[]")
        answers = await process.commit(applied(await process.row(SHEET), other))
        assert answers == [Refused(Again.DUPLICATE, (Duplicate(other.ref, same_body=False),))]

    async def test_the_same_id_of_another_source_is_another_message(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("e1", source="psa")))
        assert await process.commit(applied(await process.row(SHEET), message("e1", source="crm"))) == [Committed()]

    async def test_every_duplicate_of_a_fold_is_told(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("e1"), message("e3")))
        fold = applied(await process.row(SHEET), message("e1", delivery=2), message("e2"), message("e3", delivery=2))
        [answer] = await process.commit(fold)
        assert isinstance(answer, Refused)
        assert {duplicate.ref for duplicate in answer.duplicates} == {
            message("e1", delivery=2).ref,
            message("e3", delivery=2).ref,
        }

    @pytest.mark.parametrize("delivery", [1, 2], ids=["one ref", "two refs"])
    async def test_of_two_turns_of_a_batch_with_one_message_the_first_commits(
        self, process: Process, delivery: int
    ) -> None:
        other = message("e1", delivery=delivery)
        answers = await process.commit(
            applied(await process.row(SHEET), message("e1")), applied(await process.row(OTHER_SHEET), other)
        )
        assert answers == [Committed(), Refused(Again.DUPLICATE, (Duplicate(other.ref, same_body=True),))]
        assert (await process.row(OTHER_SHEET)).entity_version == 0

    async def test_a_message_of_a_refused_turn_is_no_duplicate(self, process: Process) -> None:
        # given: the first turn's e1 stands in the second's way, but e2 stands in the first's
        await process.commit(applied(await process.row(ActorKey("timesheet", "T-3")), message("e2")))
        first = applied(await process.row(SHEET), message("e1"), message("e2", delivery=2))
        second = applied(await process.row(OTHER_SHEET), message("e1", delivery=2))
        answers = await process.commit(first, second)
        assert answers == [
            Refused(Again.DUPLICATE, (Duplicate(message("e2", delivery=2).ref, same_body=True),)),
            Refused(Again.STALE_WRITER),
        ]
        assert await process.commit(second) == [Committed()]

    async def test_a_message_twice_in_one_turn_refuses_it(self, process: Process) -> None:
        turn = applied(await process.row(SHEET), message("e1"), message("e1", delivery=2))
        assert await process.commit(turn) == [Refused(Again.STALE_WRITER)]
        assert await process.commit(applied(await process.row(SHEET), message("e1"))) == [Committed()]


class TestClaims:
    async def test_a_value_that_another_key_holds_refuses_the_turn(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        assert await claiming(process, OTHER_SHEET, "e2", LINE) == [Refused(Again.TAKEN, taken={LINE: SHEET})]

    async def test_the_same_value_of_another_scope_is_free(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        assert await claiming(process, OTHER_SHEET, "e2", Claim("tax id", LINE.value)) == [Committed()]

    async def test_a_key_may_claim_again_what_it_holds(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        assert await claiming(process, SHEET, "e2", LINE, Claim("line", "L-2")) == [Committed()]

    async def test_of_two_turns_of_a_batch_that_claim_one_value_the_first_commits(self, process: Process) -> None:
        first, second = (
            applied(await process.row(SHEET), message("e1")),
            applied(await process.row(OTHER_SHEET), message("e2")),
        )
        first.claims.append(LINE)
        second.claims.extend([LINE, Claim("line", "L-2")])
        assert await process.commit(first, second) == [Committed(), Refused(Again.TAKEN, taken={LINE: SHEET})]
        assert await claiming(process, ActorKey("timesheet", "T-3"), "e3", Claim("line", "L-2")) == [Committed()]

    async def test_a_claim_of_a_refused_turn_is_taken_back(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        await claiming(process, OTHER_SHEET, "e2", Claim("line", "free"), LINE)
        assert await claiming(process, ActorKey("timesheet", "T-3"), "e3", Claim("line", "free")) == [Committed()]

    async def test_a_claim_that_its_key_held_before_stays_when_a_later_turn_is_refused(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        await claiming(process, OTHER_SHEET, "e2", Claim("line", "L-2"))
        await claiming(process, SHEET, "e3", LINE, Claim("line", "L-2"))
        assert await claiming(process, OTHER_SHEET, "e4", LINE) == [Refused(Again.TAKEN, taken={LINE: SHEET})]

    async def test_a_value_that_only_a_refused_turn_claimed_is_free(self, process: Process) -> None:
        # given: of one batch the first turn is refused, and the second wants the same value
        await claiming(process, ActorKey("timesheet", "T-3"), "e0", Claim("line", "taken"))
        first, second = (
            applied(await process.row(SHEET), message("e1")),
            applied(await process.row(OTHER_SHEET), message("e2")),
        )
        first.claims.extend([LINE, Claim("line", "taken")])
        second.claims.append(LINE)
        answers = await process.commit(first, second)
        assert answers[1] == Refused(Again.STALE_WRITER)
        assert await process.commit(second) == [Committed()]

    async def test_a_released_value_is_free_for_a_later_batch_and_not_for_this_one(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE, Claim("line", "L-2"))
        giving, wanting = (
            applied(await process.row(SHEET), message("e2")),
            applied(await process.row(OTHER_SHEET), message("e3")),
        )
        giving.releases.append(LINE)
        wanting.claims.append(LINE)
        taken = Refused(Again.TAKEN, taken={LINE: SHEET})
        assert await process.commit(giving, wanting) == [Committed(), taken]
        assert await process.commit(wanting) == [Committed()]
        assert await claiming(process, OTHER_SHEET, "e4", Claim("line", "L-2")) == [
            Refused(Again.TAKEN, taken={Claim("line", "L-2"): SHEET})
        ]

    async def test_a_value_released_and_claimed_in_one_turn_stays(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE)
        turn = applied(await process.row(SHEET), message("e2"))
        turn.releases.append(LINE)
        turn.claims.append(LINE)
        assert await process.commit(turn) == [Committed()]
        assert await claiming(process, OTHER_SHEET, "e3", LINE) == [Refused(Again.TAKEN, taken={LINE: SHEET})]

    async def test_nobody_releases_what_another_holds_and_a_refused_turn_releases_nothing(
        self, process: Process
    ) -> None:
        await claiming(process, SHEET, "e1", LINE)
        stranger = applied(await process.row(OTHER_SHEET), message("e2"))
        refused = applied(await process.row(SHEET), message("e1", delivery=2))
        for turn in (stranger, refused):
            turn.releases.append(LINE)
        answers = await process.commit(stranger, refused)
        assert answers[0] == Committed()
        assert isinstance(answers[1], Refused)
        assert await claiming(process, OTHER_SHEET, "e3", LINE) == [Refused(Again.TAKEN, taken={LINE: SHEET})]

    async def test_everything_that_stands_in_the_way_is_told(self, process: Process) -> None:
        await claiming(process, SHEET, "e1", LINE, Claim("line", "L-2"))
        turn = applied(await process.row(OTHER_SHEET), message("e1", delivery=2))
        turn.claims.extend([LINE, Claim("line", "L-2"), Claim("line", "L-3")])
        [answer] = await process.commit(turn)
        assert answer == Refused(
            Again.DUPLICATE, DUPLICATE.duplicates, taken={LINE: SHEET, Claim("line", "L-2"): SHEET}
        )
