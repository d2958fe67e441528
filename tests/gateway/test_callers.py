"""The file of callers: who may ask the API, and what is wrong with a file that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.ports.reach import Reach
from gateway.callers import Caller, Permission, digest, known_callers
from gateway.settings import SettingsInvalid

ANN = f"- name: ann\n  token_sha256: {digest(b'a').hex()}\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "callers.yaml"
    file.write_text(text)
    return file


def test_callers_are_known_by_the_digest_of_their_token(tmp_path: Path) -> None:
    file = written(tmp_path, f"{ANN}  permissions: [read]\n  roles: [finance, partner]\n")
    assert known_callers(None, file) == {
        digest(b"a"): Caller("ann", frozenset({Permission.READ}), frozenset({"finance", "partner"}))
    }


def test_a_caller_may_be_limited_to_entities_and_legal_entities(tmp_path: Path) -> None:
    file = written(tmp_path, f"{ANN}  entities: [timesheet, expense]\n  legal_entities: [DE01]\n")
    [ann] = known_callers(None, file).values()
    assert ann.reach == Reach(frozenset({"timesheet", "expense"}), frozenset({"DE01"}))
    [nobody] = known_callers(None, written(tmp_path, f"{ANN}  entities: []\n")).values()
    assert not nobody.reach.covers("timesheet", "DE01")


def test_without_permissions_one_sees_and_settles(tmp_path: Path) -> None:
    [ann] = known_callers(None, written(tmp_path, ANN)).values()
    assert (ann.permissions, ann.roles) == (frozenset({Permission.READ, Permission.SETTLE}), frozenset())


def test_the_one_token_may_do_everything_and_is_an_operator(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t\n")
    found = known_callers(token, written(tmp_path, ANN))
    assert found[digest(b"t")] == Caller("api-token", frozenset(Permission), frozenset({"operator"}))
    assert len(found) == 2


def test_a_file_of_nobody_is_no_mistake(tmp_path: Path) -> None:
    assert known_callers(None, written(tmp_path, "# nobody yet\n")) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- name: ann\n", "1: 0.token_sha256: it is missing: add it"),
        ("- name: ann\n  token_sha256: abc\n", "2: 0.token_sha256: write the SHA-256 of the token"),
        (f"{ANN}  role: [x]\n", "there is no such key: did you mean roles?"),
        (
            f"{ANN}  permissions: [all]\n",
            "write one of read, entities, reveal, settle, audit, operate, administer, viewer, operator, finance, admin",
        ),
        (f"{ANN}  name: bob\n", "name stands here a second time"),
        (f"{ANN}{ANN}", "ann stands here 2 times: give each caller a name of its own"),
        (f"{ANN}{ANN.replace('ann', 'bob')}", "ann and bob have the same token: make another"),
        (f"{ANN}  roles: [{', '.join(f'r{n}' for n in range(101))}]\n", "3: 0.roles: write at most 100 roles"),
        ("ann: bob\n", "write a list"),
        ("- [", "not YAML"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        known_callers(None, written(tmp_path, text))
    assert told in str(raised.value)
    assert str(raised.value).startswith("TALLYSTICK_CALLERS_FILE: ")


def test_the_token_of_the_token_file_is_nobody_elses(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a")
    with pytest.raises(SettingsInvalid, match="ann has the token of TALLYSTICK_API_TOKEN_FILE: make another"):
        known_callers(token, written(tmp_path, ANN))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"TALLYSTICK_CALLERS_FILE: .*none: No such file"):
        known_callers(None, tmp_path / "none")
