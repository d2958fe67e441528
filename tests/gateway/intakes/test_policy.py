"""Intakes in the policy file: every mistake is told at the line where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy_file import json_schema, read_policy
from gateway.system_policy import PolicyInvalid
from tests.gateway.intakes.clock import POLICY

TEXT = POLICY.read_text(encoding="utf-8")
PLACE = "intakes.clock"


def mistakes(tmp_path: Path, old: str, new: str) -> list[str]:
    """What is told when `new` stands in place of `old` in the shipped file; the lines as `LINE: …`."""
    assert TEXT.count(old) >= 1
    at = TEXT.index("intakes:\n")
    file = tmp_path / "policy.yaml"
    file.write_text(TEXT[:at] + TEXT[at:].replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyInvalid) as caught:
        read_policy(file)
    return str(caught.value).replace(f"{file}:", "").splitlines()


def line_of(text: str) -> int:
    """The line of the shipped file in which a text stands for the first time among the intakes."""
    at = TEXT.index("intakes:\n")
    return TEXT[: TEXT.index(text, at)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("revision: /rev", "revision: rev", "revision: /rev",
         f"{PLACE}.data.revision: write a JSON Pointer such as /sheet/id"),
        ("revision: /rev", "revision: {path: /rev, as: number}", "revision: /rev", f"{PLACE}.data.revision.as: "),
        ("revision: /rev", "revision: {paths: /rev}", "revision: /rev", f"{PLACE}.data.revision: write a path such as"),
        ("revision: /rev", "revision: {value: 7.5}", "revision: /rev", "put money, hours, and days in quotes"),
        ("revision: /rev", "revision: {value: 2026-01-31}", "revision: /rev", "put money, hours, and days in quotes"),
        ("revision: /rev", "revisoin: /rev", "revision: /rev", f"{PLACE}.data.revisoin: the event has no such field"),
        ("      revision: /rev", "      revision: {path: /rev, optional: true, default: 1}", "revision: /rev",
         "give either `optional` or `default`"),
        ("as: decimal }", "as: day }", "as: decimal }", "need `format`"),
        ('"%d.%m.%Y" }\n            hours', '"%d.%m" }\n            hours', "work_date",
         "this format leaves something out"),
        (", zone: Europe/Berlin", "", "%d.%m.%Y %H:%M", "give `zone` to `as: moment`"),
        ("Europe/Berlin", "Europe/Bern", "%d.%m.%Y %H:%M", "write the name of a time zone"),
        ('["clock.sheets.*"]', '["timesheet.clock"]', "routing_keys", "begin with a word of your own"),
        ('["clock.sheets.*"]', '["clock.#.x"]', "routing_keys", f"{PLACE}.routing_keys.0"),
        ('"urn:example:clock"', '"urn:example:nobody"', "source:", f"{PLACE}.source: urn:example:nobody is not under"),
        ('"urn:example:clock"', '"urn:example:crm"', "type: {", "may not send timesheet.approved.v1"),
        ("A: timesheet.approved.v1", "A: timesheet.aproved.v1", "type: {", '"timesheet.aproved.v1" is not known'),
        ("A: timesheet.approved.v1", "A: project.activated.v1", "type: {", "several entities"),
        ("A: timesheet.approved.v1", "A: project.opened.v1", "type: {", "said inside of the gateway alone"),
        ("{ path: /state, map", "{ path: /state, optional: true, map", "type: {", "no `optional`"),
        ('id: { join: [/no, /rev, /state], with: "-" }', "id: {path: /no, optional: true}", "id: {",
         f"{PLACE}.id: an id must name at least one path"),
        ('id: { join: [/no, /rev, /state], with: "-" }', "id: {value: one}", "id: {",
         f"{PLACE}.id: write a path such as"),
        ('id: { join: [/no, /rev, /state], with: "-" }', "id: {join: [{value: a}, {value: b}]}", "id: {",
         "an id must name at least one path"),
        ("      period:\n", "      periods:\n", "    data:", "timesheet.approved.v1 needs period too"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: str, told: str) -> None:
    found = mistakes(tmp_path, old, new)
    assert any(each.startswith((f" {line_of(line)}: ", f"{line_of(line)}: ")) for each in found), found
    assert any(told in each for each in found), found


def test_two_intakes_for_one_message_are_refused(tmp_path: Path) -> None:
    at = TEXT.index("intakes:\n") + len("intakes:\n")
    end = TEXT.index("# --- Systems")
    second = TEXT[at:end].replace("  clock:", "  watch:", 1).replace("clock.sheets.*", "clock.*.de", 1)
    file = tmp_path / "policy.yaml"
    file.write_text(TEXT[:end].rstrip() + "\n" + second + TEXT[end:], encoding="utf-8")
    with pytest.raises(PolicyInvalid, match=r"intakes.watch.routing_keys: clock.\*.de can mean the same messages as"):
        read_policy(file)


def test_a_numbered_source_needs_its_number(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    numbered = TEXT.replace("[guest, clock]", "[guest, clock]\n    sequence: contiguous")
    file.write_text(numbered, encoding="utf-8")
    with pytest.raises(PolicyInvalid, match="say where the number stands in `sequence`"):
        read_policy(file)


def test_the_json_schema_knows_intakes() -> None:
    assert "intakes" in json_schema()["properties"]
