"""The file that names an issuer of tokens, and who its groups are."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.ports.reach import Reach
from gateway.callers import BUNDLES, Bundle, Caller, Permission
from gateway.oidc import read_oidc
from gateway.settings import SettingsInvalid

FILE = """\
issuer: https://id.example.com
audience: tallystick
jwks_file: keys.json
groups:
  finance: {permissions: [finance, reveal], roles: [finance], legal_entities: [DE01]}
  admins: {permissions: [admin]}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "oidc.yaml"
    file.write_text(text)
    return file


def test_the_first_group_that_stands_there_counts(tmp_path: Path) -> None:
    oidc = read_oidc(written(tmp_path, FILE))
    found = oidc.caller({"sub": "E-17", "groups": ["admins", "finance"]})
    permissions = BUNDLES[Bundle.FINANCE] | {Permission.REVEAL}
    assert found == Caller("E-17", permissions, frozenset({"finance"}), Reach(legal_entities=frozenset({"DE01"})))


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "E-17"},
        {"sub": "E-17", "groups": []},
        {"sub": "E-17", "groups": "admins"},
        {"sub": "E-17", "groups": ["others"]},
        {"groups": ["admins"]},
        {"sub": 17, "groups": ["admins"]},
        {"sub": "", "groups": ["admins"]},
        {"sub": "E\n17", "groups": ["admins"]},
        {"sub": "x" * 201, "groups": ["admins"]},
        {"sub": "api-token", "groups": ["admins"]},
    ],
)
def test_who_has_no_name_or_no_group_is_nobody(tmp_path: Path, claims: dict[str, object]) -> None:
    assert read_oidc(written(tmp_path, FILE)).caller(claims) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("audience: tallystick\n", "", "1: audience: it is missing: add it"),
        ("jwks_file: keys.json", "jwks_url: http://id.example.com/keys", "3: jwks_url: "),
        ("jwks_file: keys.json", "jwks_url: https://user:secret@id.example.com/keys", "3: jwks_url: "),
        ("jwks_file: keys.json\n", "", "write jwks_url or jwks_file"),
        ("jwks_file: keys.json", "jwks_file: a\njwks_url: https://b", "write jwks_url or jwks_file"),
        ("issuer:", "isuer:", "1: isuer: there is no such key: did you mean issuer?"),
        ("[admin]", "[root]", "write one of read, entities"),
        ("audience: tallystick", "audience: tallystick\nalgorithms: [HS256]", "algorithms.0: "),
        ("audience: tallystick", "audience: tallystick\nalgorithms: [none]", "algorithms.0: "),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_oidc(written(tmp_path, FILE.replace(old, new)))
    assert told in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"TALLYSTICK_OIDC_FILE: .*No such file"):
        read_oidc(tmp_path / "none")
