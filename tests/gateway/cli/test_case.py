"""`tallystick case` and `tallystick caller`, asked of a real API."""

from __future__ import annotations

import asyncio
import csv
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from adapters.ports.turns import Opened
from gateway.callers import read_callers
from gateway.exits import Exit
from schemas.keys import ActorKey
from schemas.verdicts import Verdict
from tests.contracts.turns import SHEET, applied, message
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening
from tests.gateway.http.test_cases import APPROVAL, Keys, Said, lose


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway, and the command line of somebody who asks it."""

    stand: Stand
    keys: Keys
    env: dict[str, str]

    async def run(self, *arguments: str, **env: str) -> Result:
        """One command, while the gateway goes on."""
        return await asyncio.to_thread(cli, *arguments, env={**self.env, **env})

    async def ask_approval(self, key: ActorKey = SHEET) -> None:
        row = (await self.stand.commits.load([key]))[key]
        turn = applied(row, message(f"{key.id} asks"))
        turn.opened.append(Opened(APPROVAL))
        await self.stand.commit(turn)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk for a partner whom the command line itself has let in."""
    file, mine, keys = tmp_path / "callers.yaml", tmp_path / "mine", Keys()
    added = await asyncio.to_thread(cli, "caller", "add", "ann", "--role", "partner", "--file", str(file))
    mine.write_text(added.stdout)
    servers = tmp_path / "token"
    servers.write_text(TOKEN)
    async with listening(database_url, servers, callers_file=file, people=keys) as stand:
        yield Desk(stand, keys, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(mine)})


class TestLists:
    async def test_a_table_for_people_and_rows_for_programs(self, desk: Desk) -> None:
        await desk.stand.park(SHEET, message("e1"))
        await desk.ask_approval(ActorKey("timesheet", "T-2"))
        table = await desk.run("case", "list")
        assert (table.exit_code, "timesheet/T-1" in table.stdout, "250000.00 EUR" in table.stdout) == (0, True, True)
        assert [row["key"] for row in orjson.loads((await desk.run("case", "list", "-o", "json")).stdout)] == [
            "T-1", "T-2",
        ]  # fmt: skip
        lines = (await desk.run("case", "list", "-o", "jsonl", "--owner", "partner")).stdout.splitlines()
        assert [orjson.loads(line)["key"] for line in lines] == ["T-2"]
        rows = list(csv.DictReader(StringIO((await desk.run("case", "groups", "-o", "csv")).stdout)))
        assert [(row["code"], row["cases"], row["money"]) for row in rows] == [
            ("tax_profile_unmapped", "1", ""), ("approval_needed", "1", "250000.00 EUR"),
        ]  # fmt: skip
        assert orjson.loads((await desk.run("case", "list", "-o", "json", "--class", "internal")).stdout) == []

    async def test_groups_that_are_not_shown_are_counted(self, desk: Desk) -> None:
        await desk.stand.park(SHEET, message("e1"))
        await desk.ask_approval(ActorKey("timesheet", "T-2"))
        one = await desk.run("case", "groups", "-o", "json", "--most", "1")
        assert (len(orjson.loads(one.stdout)), one.stderr) == (1, "Not shown: 1 of 2 groups; --most 2 shows all.\n")
        assert (await desk.run("case", "groups")).stderr == ""

    async def test_no_more_than_asked_for(self, desk: Desk) -> None:
        for number in range(3):
            await desk.ask_approval(ActorKey("timesheet", f"T-{number}"))
        assert len(orjson.loads((await desk.run("case", "list", "-o", "json", "--most", "2")).stdout)) == 2

    async def test_one_says_what_can_be_done(self, desk: Desk) -> None:
        await desk.stand.park(SHEET, message("e1"))
        [case] = (await desk.stand.get("/v1/cases")).items
        shown = await desk.run("case", "show", str(case["id"]))
        assert "map the tax profile" in shown.stdout
        assert "retry, cancel" in shown.stdout


class TestActs:
    async def test_a_partner_takes_notes_and_approves(self, desk: Desk) -> None:
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        id = str(case["id"])
        assert (await desk.run("case", "assign", id, "ann")).stdout == f"Case {id}: ann.\n"
        assert (await desk.run("case", "note", id, "on the phone")).stdout == f"Case {id}: noted.\n"
        assert (await desk.run("case", "assign", id, "--nobody")).stdout == f"Case {id}: nobody.\n"
        done = await desk.run("case", "approve", id, "--reason", "agreed", "--click", "k1", "--if-version", "4")
        assert (done.exit_code, done.stdout) == (0, f"Case {id}, approve: applied.\n")
        again = await desk.run("case", "approve", id, "--reason", "agreed", "--click", "k1", "--if-version", "4")
        assert again.exit_code == 0
        [(_, acted)] = desk.keys.acts
        assert (acted.by, acted.roles, acted.reason) == ("ann", ("partner",), "agreed")
        shown = (await desk.run("case", "show", id)).stdout
        assert "on the phone" in shown
        assert "agreed → applied" in shown

    async def test_an_act_that_is_under_way_is_not_done_and_can_be_asked_again(self, desk: Desk) -> None:
        # Given a key whose lane stands still
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        approve = ("case", "approve", str(case["id"]), "--reason", "agreed", "--if-version", "1")
        desk.keys.says = Said(Verdict.QUEUED)
        # When somebody approves
        waits = await desk.run(*approve)
        # Then the command says that nobody knows yet, and how to ask again
        assert (waits.exit_code, waits.stdout, "queued" in waits.stderr) == (Exit.UNDER_WAY, "", True)
        click = waits.stderr.rpartition("--click ")[2].strip()
        shown = await desk.run(*approve, "--click", click, "-o", "json")
        assert (shown.exit_code, orjson.loads(shown.stdout)["click"]) == (Exit.UNDER_WAY, click)
        desk.keys.answers = dict.fromkeys(desk.keys.answers, Said(Verdict.APPLIED))
        assert (await desk.run(*approve, "--click", click)).stdout == f"Case {case['id']}, approve: applied.\n"
        assert len(desk.keys.acts) == 1

    async def test_only_as_it_was_shown(self, desk: Desk) -> None:
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        id = str(case["id"])
        assert "version" in (await desk.run("case", "show", id)).stdout
        await desk.run("case", "note", id, "on the phone")
        approve = ("case", "approve", id, "--reason", "agreed", "--if-version")
        stale = await desk.run(*approve, "1")
        assert (stale.exit_code, "read it again" in stale.stderr) == (Exit.CONFLICT, True)
        assert (await desk.run(*approve, "2")).exit_code == 0
        assert len(desk.keys.acts) == 1

    @pytest.mark.parametrize("act", ["approve", "reject", "edit-retry", "cancel"])
    def test_what_was_not_seen_is_not_decided(self, act: str) -> None:
        changes = ("--changes", '{"amount": "9.00"}') if act == "edit-retry" else ()
        blind = cli("case", act, "17", "--reason", "agreed", *changes)
        assert (blind.exit_code, "--if-version" in blind.stderr) == (Exit.USAGE, True)
        assert "`tallystick case show`" in blind.stderr

    async def test_what_became_of_a_command_is_said(self, desk: Desk, tmp_path: Path) -> None:
        servers = {"TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
        id = str(await lose(desk.stand))
        assert "settle" in (await desk.run("case", "show", id)).stdout
        unseen = ("case", "settle", id, "--reason", "looked in the ERP")
        blind = await desk.run(*unseen, "--not-done", **servers)
        assert (blind.exit_code, "--if-version" in blind.stderr) == (Exit.USAGE, True)
        say = (*unseen, "--if-version", "1")
        for wrong in ((), ("--not-done", "--external-id", "4711")):
            assert (await desk.run(*say, *wrong, **servers)).exit_code == Exit.USAGE
        refused = await desk.run(*say, "--not-done")
        assert (refused.exit_code, "Only the role sre" in refused.stderr) == (Exit.AUTH, True)
        said = await desk.run(*say, "--done", "--external-id", "4711", **servers)
        assert (said.exit_code, "counts as done" in said.stdout) == (0, True)

    async def test_changes_are_json(self, desk: Desk) -> None:
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        edit = ("case", "edit-retry", str(case["id"]), "--if-version", "1", "--reason", "typo", "--changes")
        assert (await desk.run(*edit, "{")).exit_code == Exit.USAGE
        assert (await desk.run(*edit, "[]")).exit_code == Exit.USAGE
        assert (await desk.run(*edit, '{"amount": "9.00"}')).exit_code == 0
        assert desk.keys.acts[0][1].changes == {"amount": "9.00"}

    async def test_refusals_are_exit_codes_with_the_gateways_words(self, desk: Desk) -> None:
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        id = str(case["id"])
        desk.keys.says = Said(Verdict.IGNORED, "who has asked for it does not approve it")
        seen = ("--reason", "x", "--if-version", "1")
        ignored = await desk.run("case", "approve", id, *seen)
        assert (ignored.exit_code, "does not approve it" in ignored.stderr) == (Exit.CONFLICT, True)
        assert (await desk.run("case", "cancel", id, *seen)).exit_code == Exit.CONFLICT
        assert (await desk.run("case", "show", "99")).exit_code == Exit.NOT_FOUND
        other = await desk.run("case", "approve", id, *seen, TALLYSTICK_TOKEN_FILE=__file__)
        assert other.exit_code == Exit.USAGE

    async def test_the_one_token_has_another_role(self, desk: Desk, tmp_path: Path) -> None:
        await desk.ask_approval()
        [case] = (await desk.stand.get("/v1/cases")).items
        approve = ("case", "approve", str(case["id"]), "--reason", "x", "--if-version", "1")
        refused = await desk.run(*approve, TALLYSTICK_TOKEN_FILE=str(tmp_path / "token"))
        assert (refused.exit_code, "Only the role partner" in refused.stderr) == (Exit.AUTH, True)


class TestRemote:
    def test_what_is_missing_is_named(self, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("t")
        assert "TALLYSTICK_TOKEN_FILE" in cli("case", "list").stderr
        assert cli("case", "list", "--token-file", str(tmp_path / "none")).exit_code == Exit.USAGE
        away = cli("case", "list", "--token-file", str(token), "--url", f"http://{NOBODY}")
        assert (away.exit_code, "start the gateway" in away.stderr) == (Exit.UNREACHABLE, True)

    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("ftp://x", "write the API's URL like"),
            ("http://user:pw@127.0.0.1", "write the API's URL like"),
            ("http://tallystick.example", "without TLS: write https://"),
        ],
    )
    def test_a_url_that_would_give_the_token_away_is_refused(self, tmp_path: Path, url: str, told: str) -> None:
        token = tmp_path / "token"
        token.write_text("t")
        refused = cli("case", "list", "--token-file", str(token), "--url", url)
        assert (refused.exit_code, told in refused.stderr) == (Exit.USAGE, True)


class TestCallers:
    def test_an_entry_is_added_behind_what_stands_there(self, tmp_path: Path) -> None:
        file = tmp_path / "callers.yaml"
        first = cli("caller", "add", "ann", "--role", "partner", "--file", str(file))
        file.write_text(f"# who is who\n{file.read_text()}")
        second = cli("caller", "add", "bob", "--permission", "read", env={"TALLYSTICK_CALLERS_FILE": str(file)})
        assert first.stdout != second.stdout
        assert file.read_text().startswith("# who is who\n")
        ann, bob = read_callers(file)
        assert (ann.name, ann.roles, ann.permissions) == ("ann", ("partner",), ("read", "settle"))
        assert (bob.name, bob.roles, bob.permissions) == ("bob", (), ("read",))
        assert first.stdout.strip() not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        listed = cli("caller", "list", "--file", str(file), "-o", "json")
        assert [row["name"] for row in orjson.loads(listed.stdout)] == ["ann", "bob"]

    def test_the_file_keeps_its_owner_its_mode_and_the_link_that_leads_to_it(self, tmp_path: Path) -> None:
        file, link = tmp_path / "callers.yaml", tmp_path / "link"
        cli("caller", "add", "ann", "--file", str(file))
        # Root may give it to anybody, as under sudo; others only to a group of theirs
        owner, group = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getgroups()[-1])
        os.chown(file, owner, group)
        file.chmod(0o640)
        link.symlink_to(file)
        assert cli("caller", "add", "bob", "--file", str(link)).exit_code == 0
        now = file.stat()
        assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (owner, group, 0o640)
        assert (link.is_symlink(), [entry.name for entry in read_callers(file)]) == (True, ["ann", "bob"])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["callers.yaml", "link"]

    def test_more_roles_than_an_act_can_carry_are_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "callers.yaml"
        roles = [part for number in range(101) for part in ("--role", f"r{number}")]
        refused = cli("caller", "add", "ann", *roles, "--file", str(file))
        assert (refused.exit_code, "at most 100 roles" in refused.stderr) == (Exit.USAGE, True)
        assert not file.exists()

    def test_what_is_wrong_changes_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "callers.yaml"
        cli("caller", "add", "ann", "--file", str(file))
        before = file.read_text()
        assert cli("caller", "add", "ann", "--file", str(file)).exit_code == Exit.CONFLICT
        assert cli("caller", "add", "a\tb", "--file", str(file)).exit_code == Exit.USAGE
        assert cli("caller", "add", "bob").exit_code == Exit.USAGE
        assert file.read_text() == before

    def test_the_doctor_looks_at_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "callers.yaml"
        cli("caller", "add", "ann", "--role", "partner", "--file", str(file))
        env = {"TALLYSTICK_CALLERS_FILE": str(file)}
        assert "1 callers; their roles: partner" in cli("doctor", env=env).stdout
        file.write_text("- name: ann\n")
        assert "0.token_sha256: it is missing" in cli("doctor", env=env).stdout
