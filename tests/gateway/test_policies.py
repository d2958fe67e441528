"""The policy in force, as one process knows it, and as others follow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import yaml
from structlog.testing import capture_logs

from adapters.memory.store import MemoryStore
from adapters.ports.policies import How, PolicyNotFound
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.policies import NeedsRestart, PolicyBook
from gateway.policy_disk import PolicyDisk
from gateway.policy_file import PolicyFile, parse_policy
from gateway.system_policy import PolicyInvalid
from schemas.envelope import Envelope, Undecodable
from tests.fixtures.because import Because
from tests.gateway.http.stand import EXAMPLE, Texts
from tests.gateway.intakes.clock import MESSAGE, entry

NORWAY = EXAMPLE.replace("  DE01:", "  NO01: {currency: NOK}\n  DE01:", 1)
MOVED = EXAMPLE.replace("http://127.0.0.1:18083", "http://127.0.0.1:18089")
ANN: Because = {"actor": "ann", "reason": "because"}


@dataclass
class Office:
    """Processes over one store; `time` is the store's."""

    time: float = 1000.0

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.time)
        self.texts = Texts()

    async def start(self, text: str = EXAMPLE) -> PolicyBook:
        """One more process, which begins with a file."""
        self.texts.text = text
        book = PolicyBook(parse_policy(text, "policy.yaml"), self.store.clients().policies, Backoff(), self.texts)
        await book.begin()
        return book

    async def reload(self, book: PolicyBook, text: str) -> None:
        """Somebody changes the file, and has it read again."""
        self.texts.text = text
        await book.reload(**ANN)


def knows_norway(book: PolicyBook) -> bool:
    return "NO01" in book.policy().legal_entities


async def test_nothing_is_decided_before_it_is_known_what_is_in_force() -> None:
    office = Office()
    book = PolicyBook(parse_policy(EXAMPLE, "x"), office.store.clients().policies, Backoff(), office.texts)
    for asked in (book.policy, book.rules, book.hash):
        with pytest.raises(StoreUnavailable):
            asked()
    await book.begin()
    assert book.hash() == parse_policy(EXAMPLE, "x").hash


async def test_where_policies_are_not_kept_the_file_is_in_force() -> None:
    book = PolicyBook(parse_policy(NORWAY, "x"), None, Backoff(), Texts())
    await book.begin()
    await book.look()
    assert knows_norway(book)
    assert book.activation is None


async def test_other_processes_follow_when_they_look_and_are_told() -> None:
    office = Office()
    one, other = await office.start(), await office.start()
    told: list[str] = []
    other.changed = lambda: told.append(other.hash())
    await office.reload(one, NORWAY)
    assert (knows_norway(one), knows_norway(other)) == (True, False)
    await other.look()
    await other.look()
    assert knows_norway(other)
    assert told == [one.hash()]


async def test_who_may_send_follows_too() -> None:
    office = Office()
    book = await office.start()
    assert book.sources()["urn:example:crm"].may_send("customer.merged")
    await office.reload(book, EXAMPLE.replace('      - "customer.*"', "      - customer.upserted", 1))
    assert not book.sources()["urn:example:crm"].may_send("customer.merged")


async def test_what_is_made_of_foreign_messages_follows_too() -> None:
    office = Office()
    book, message = await office.start(), orjson.loads(MESSAGE.read_bytes()) | {"state": "X"}
    with pytest.raises(Undecodable, match="/state"):
        became(book, message)
    await office.reload(book, EXAMPLE.replace("{ A: timesheet", "{ X: timesheet.approved.v1, A: timesheet"))
    assert became(book, message).type == "timesheet.approved.v1"


async def test_routing_keys_are_bound_at_a_start_only() -> None:
    office = Office()
    book = await office.start()
    with pytest.raises(NeedsRestart, match=r"intakes\.routing_keys"):
        await office.reload(book, EXAMPLE.replace("clock.sheets.*", "clock.*"))


async def test_intakes_in_another_order_are_the_same_at_a_start() -> None:
    # Given two intakes of one entity
    policy = yaml.safe_load(EXAMPLE)
    intakes = {"clock": entry(), "watch": entry() | {"routing_keys": ["watch.sheets.*", "watch.hours"]}}
    turned = {"watch": entry() | {"routing_keys": ["watch.hours", "watch.sheets.*"]}, "clock": entry()}
    first, second = (yaml.safe_dump(policy | {"intakes": each}, sort_keys=False) for each in (intakes, turned))
    office = Office()
    book = await office.start(first)
    # When they stand in the file the other way round, and it is read again
    await office.reload(book, second)
    # Then it comes into force
    assert book.hash() == parse_policy(second, "x").hash != parse_policy(first, "x").hash


def became(book: PolicyBook, message: object) -> Envelope:
    """The event that the door makes of a message of the example's intake."""
    intake = book.intakes().find("clock.sheets.de")
    assert intake is not None
    return intake.read(orjson.dumps(message))[1]


async def test_a_restart_with_the_same_file_keeps_the_rollback_and_a_changed_file_ends_it() -> None:
    office = Office()
    book = await office.start()
    before = book.hash()
    await office.reload(book, NORWAY)
    await book.roll_back(before, **ANN)
    again = await office.start(NORWAY)
    assert (again.hash(), knows_norway(again)) == (before, False)
    assert again.activation is not None
    assert again.activation.how is How.ROLLBACK
    changed = await office.start(f"{NORWAY}\n# and now\n")
    assert knows_norway(changed)


async def test_a_host_that_starts_with_an_old_copy_of_the_file_says_so_and_takes_nothing_back() -> None:
    # Given two hosts with copies of the file, one of which was changed and read again
    office = Office()
    one, _ = await office.start(), await office.start()
    await office.reload(one, NORWAY)
    # When the other one starts again with its old copy
    with capture_logs() as logs:
        other = await office.start(EXAMPLE)
    # Then both go on under the new one, and the log names the old copy
    assert knows_norway(other)
    assert len(await one.history(before=None, limit=9)) == 2
    [behind] = [line for line in logs if line["event"] == "policy_file_behind"]
    assert (behind["file"], behind["policy"], behind["by"]) == (
        parse_policy(EXAMPLE, "x").hash, one.hash(), "ann",
    )  # fmt: skip


async def test_what_needs_a_restart_is_refused_and_what_is_unknown_too() -> None:
    office = Office()
    book = await office.start()
    with pytest.raises(NeedsRestart, match=r"systems\.erp"):
        await office.reload(book, MOVED)
    with pytest.raises(PolicyNotFound):
        await book.roll_back("0123456789ab", **ANN)
    assert len(await book.history(before=None, limit=9)) == 1


async def test_a_process_with_other_systems_follows_with_all_but_these() -> None:
    # Given one process that was started with another address of the ERP, and one that still has the old one
    office = Office()
    old = await office.start()
    new = await office.start(MOVED)
    await old.look()
    # When the policy changes on the new one
    await office.reload(new, NORWAY.replace("http://127.0.0.1:18083", "http://127.0.0.1:18089"))
    await old.look()
    # Then both decide by it
    assert old.hash() == new.hash()
    assert knows_norway(old)


async def test_a_policy_that_this_release_cannot_read_does_not_come_into_force_here() -> None:
    office = Office()
    book = await office.start()
    before = book.hash()
    policies = office.store.clients().policies
    await policies.load("0123456789ab", f"{EXAMPLE}\ninvented_later: true\n", **ANN)
    with capture_logs() as logs:
        await book.look()
        await book.look()
    assert (book.hash(), book.unread) == (before, "0123456789ab")
    assert [line["policy"] for line in logs if line["event"] == "policy_unfit"] == ["0123456789ab"]
    # It follows again what it can read
    await policies.load(parse_policy(NORWAY, "x").hash, NORWAY, **ANN)
    await book.look()
    assert (knows_norway(book), book.unread) == (True, None)
    # And a process that starts says what to do, also after somebody went back to it
    await policies.load(before, EXAMPLE, **ANN)
    await policies.roll_back("0123456789ab", **ANN)
    with pytest.raises(PolicyInvalid, match="cannot be read by this release"):
        await office.start()


@pytest.mark.parametrize("is_readable", [True, False])
async def test_what_another_process_has_just_loaded_is_asked_about_and_not_what_was_before(
    *, is_readable: bool
) -> None:
    # Given two processes, of which one does not know yet that another has put limits in force
    office = Office()
    one, other = await office.start(), await office.start()
    strict = f"{EXAMPLE}\nfour_eyes: {{items_above: 5}}\n" + ("" if is_readable else "invented_later: true\n")
    policies, asked = office.store.clients().policies, list[str]()
    await policies.load("0123456789ab", strict, **ANN)

    async def allowed(policy: str) -> bool:
        asked.append(policy)
        raise PermissionError(policy)

    # When it reads in a file without them, then it is asked for
    before = one.hash()
    with pytest.raises(PermissionError):
        await one.roll_back(before, **ANN, allowed=allowed)
    assert asked == [before]
    assert (await policies.history(before=None, limit=1))[0].hash == "0123456789ab"
    # And done once that is allowed, though a third policy comes in between
    calls = 0

    async def late(_policy: str) -> bool:
        nonlocal calls
        calls += 1
        await policies.load("abcdefabcdef", strict, **ANN)
        return True

    assert (await other.roll_back(before, **ANN, allowed=late)).hash == before
    assert calls == 1


async def test_that_nobody_had_to_allow_it_says_nothing_of_limits_that_came_meanwhile() -> None:
    # Given a process that does not know yet that another one has put limits in force
    office = Office()
    book = await office.start()
    policies, limits = office.store.clients().policies, f"{EXAMPLE}\nfour_eyes: {{items_above: 5}}\n"
    await policies.load(parse_policy(limits, "x").hash, limits, **ANN)

    async def allowed(policy: str) -> bool:
        if book.four_eyes().is_there:
            raise PermissionError(policy)
        return False

    # When it reads in a file with other rules, without being asked by those that it knows
    office.texts.text = f"{EXAMPLE}\napprovals: {{deals: {{role: partner, remind_hours: 24, deadline_hours: 72}}}}\n"
    with pytest.raises(PermissionError):
        await book.reload(**ANN, allowed=allowed)
    # Then it is asked by those that are in force
    assert book.hash() == parse_policy(limits, "x").hash


async def test_a_restored_database_that_knows_no_policy_learns_the_file_again() -> None:
    office = Office()
    book = await office.start()
    office.store.tables.activations.clear()
    office.store.tables.policies.clear()
    await book.look()
    assert [each.hash for each in await book.history(before=None, limit=9)] == [book.hash()]


async def test_a_file_on_disk_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(EXAMPLE)
    disk = PolicyDisk(path)
    assert (await disk.read()).hash == parse_policy(EXAMPLE, "x").hash
    path.write_text(NORWAY)
    read: PolicyFile = await disk.read()
    assert read.hash == (await disk.parse(NORWAY, "kept")).hash
    with pytest.raises(PolicyInvalid, match="without a policy file"):
        await PolicyDisk(None).read()
