"""The policy file: every mistake is told with the file and the line where it stands."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from actors.policy import Flow
from adapters.ports.retention import Old
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import parse_policy, read_policy
from gateway.rules import LanePolicy, Numbering
from gateway.system_policy import PolicyInvalid
from gateway.tryton_policy import TrytonPolicy
from schemas.sequence import SequenceKind

GOOD = """\
legal_entities:
  DE01:
    currency: EUR
    psa: erp
    crm: erp
    tax_codes: {standard: D19}
service_lines: [advisory]
sources:
  urn:psa:
    users: [psa-user]
    types: ["timesheet.*"]
systems:
  erp:
    url: http://127.0.0.1:8123
    token: sandbox-token
    operations:
      billable.post: {path: /billables, look_up: true}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, old: str, new: str) -> list[str]:
    """What is told when `new` stands in place of `old`, without the folder."""
    assert old in GOOD
    with pytest.raises(PolicyInvalid) as caught:
        read_policy(write(folder, GOOD.replace(old, new, 1)))
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_good_file_is_read(tmp_path: Path) -> None:
    policy = read_policy(write(tmp_path, GOOD))
    assert policy.policy.legal_entities["DE01"].tax_codes == {"standard": "D19"}
    assert list(policy.policy.service_lines) == ["advisory"]
    erp = policy.systems["erp"]
    assert isinstance(erp, HttpSystemPolicy)
    assert erp.operations["billable.post"].look_up
    assert erp.secret() == "sandbox-token"
    assert policy.retry_seconds == 5
    assert policy.systems["erp"].overdue_seconds == 4 * 3600


NUMBERED = 'types: ["timesheet.*"]\n    sequence: contiguous\n    gap_seconds: 60'


def test_rules_of_lanes_and_numbers_are_read(tmp_path: Path) -> None:
    text = (
        GOOD.replace('types: ["timesheet.*"]', NUMBERED) + "lanes: {timesheet.submitted: supersede}\nwait_seconds: 9\n"
    )
    rules = read_policy(write(tmp_path, text)).rules
    assert rules.numbering("urn:psa") == Numbering(SequenceKind.CONTIGUOUS, 60)
    assert rules.numbering("urn:crm").kind is SequenceKind.NONE
    assert rules.lane("timesheet.submitted.v1") is LanePolicy.SUPERSEDE
    assert rules.lane("timesheet.approved.v1") is LanePolicy.PARK
    assert rules.patience == 9


@pytest.mark.parametrize("pattern", ["timesheet.*", "timesheet.rejected", "*"])
def test_what_is_numbered_is_not_skipped(tmp_path: Path, pattern: str) -> None:
    new = f'{NUMBERED}\nlanes:\n  "{pattern}": skip'
    (mistake,) = mistakes(tmp_path, 'types: ["timesheet.*"]', new)
    assert mistake.startswith(f"policy.yaml:15: lanes.{pattern}: it is skip, but urn:psa numbers its events")


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ("currency: EUR", "currency: EURO", 3, "legal_entities.DE01.currency"),
        ("currency: EUR", "courency: EUR", 3, "legal_entities.DE01.courency"),
        ("users: [psa-user]", "users: []", 10, "sources.urn:psa.users"),
        ("http://127.0.0.1:8123", "127.0.0.1", 14, "systems.erp.url"),
        ("path: /billables", "path: billables", 17, "systems.erp.operations.billable.post.path"),
        ("look_up: true", "late_bound_seconds: 0", 17, "systems.erp.operations.billable.post.late_bound_seconds"),
        ("service_lines: [advisory]", "service_lines: advisory", 7, "service_lines"),
        ("token: sandbox-token", "timeout_seconds: 30", 13, "systems.erp"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, place: str) -> None:
    told = mistakes(tmp_path, old, new)
    assert any(each.startswith(f"policy.yaml:{line}: {place}: ") for each in told), told


def test_a_date_that_there_is_not_is_told_with_its_line(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "currency: EUR", "currency: 2026-02-30")
    assert told == ["policy.yaml:3: YAML reads 2026-02-30 as a date or number, which it cannot be: correct or quote it"]


def test_a_file_that_contains_itself_is_refused(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "service_lines: [advisory]", "service_lines: &all [*all]")
    assert told == ["policy.yaml:1: it is nested too deeply, or an alias in it contains itself"]


def test_retention_must_outlive_every_way_back(tmp_path: Path) -> None:
    kept = "retention: {inbox_days: 30, replay_window_days: 30}\nservice_lines: [advisory]"
    [line] = mistakes(tmp_path, "service_lines: [advisory]", kept)
    assert line.startswith("policy.yaml:7: retention: inbox_days (30) must be above replay_window_days (30)")


def test_the_log_of_attempts_outlives_what_may_be_sent_again(tmp_path: Path) -> None:
    kept = "retention: {attempts_days: 59}\nservice_lines: [advisory]"
    [line] = mistakes(tmp_path, "service_lines: [advisory]", kept)
    assert "attempts_days (59) must not be below sent_days (60)" in line
    kept_as_long = GOOD + "retention: {attempts_days: 30, sent_days: 30}\n"
    assert read_policy(write(tmp_path, kept_as_long)).retention.sent_days == 30


def test_retention_is_read_in_days(tmp_path: Path) -> None:
    text = GOOD + "retention: {inbox_days: 30, replay_window_days: 29}\n"
    assert read_policy(write(tmp_path, text)).retention.seconds[Old.INBOX] == 30 * 86_400
    assert read_policy(write(tmp_path, GOOD)).retention.inbox_days == 400


def test_a_term_for_commands_is_a_minute_at_least(tmp_path: Path) -> None:
    [told] = mistakes(tmp_path, "    token: sandbox-token\n", "    token: sandbox-token\n    overdue_seconds: 59\n")
    assert told.endswith("systems.erp.overdue_seconds: Input should be greater than or equal to 60")
    [told] = mistakes(tmp_path, "    token: sandbox-token\n", "    token: sandbox-token\n    overdue_second: 600\n")
    assert told.endswith("there is no such key: did you mean overdue_seconds?")


TRYTON = """\
  books:
    kind: tryton
    url: https://tryton.example
    database: erp
    user: gateway
    password: secret-1
    companies: {DE01: Northwind Beratung GmbH}
    operations: [customer.put]
"""


def test_systems_are_of_several_kinds(tmp_path: Path) -> None:
    books = read_policy(write(tmp_path, GOOD + TRYTON)).systems["books"]
    assert isinstance(books, TrytonPolicy)
    assert (books.secret(), books.taken) == ("secret-1", frozenset({"customer.put"}))


def test_a_mistake_in_a_system_is_told_at_its_line(tmp_path: Path) -> None:
    last = GOOD.splitlines(keepends=True)[-1]
    told = mistakes(tmp_path, last, last + TRYTON.replace("database: erp", "databse: erp"))
    assert told[0] == "policy.yaml:18: systems.books.database: it is missing: add it"
    assert told[1].endswith("systems.books.databse: there is no such key: did you mean database?")


def test_an_unknown_kind_of_system_is_told(tmp_path: Path) -> None:
    [told] = mistakes(tmp_path, "    url: http://127.0.0.1:8123", "    kind: sap\n    url: http://127.0.0.1:8123")
    assert told.endswith("systems.erp: there is no such kind of system: write kind: http, tryton, or redmine")


def test_no_term_is_without_end(tmp_path: Path) -> None:
    for endless in (".inf", "1e300"):
        [told] = mistakes(tmp_path, "service_lines: [advisory]", f"wait_seconds: {endless}\nservice_lines: [advisory]")
        assert told == "policy.yaml:7: wait_seconds: Input should be less than or equal to 315360000"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "    currency: EUR\n    psa: erp\n", "    currency: E\n    psa: ERP\n")
    assert [each.split(":")[1] for each in told] == ["3", "4"]


def test_a_system_that_is_not_listed_is_named(tmp_path: Path) -> None:
    (told,) = mistakes(tmp_path, "crm: erp", "crm: salesforce")
    assert told.startswith("policy.yaml:5: legal_entities.DE01.crm: 'salesforce' is not under `systems`")


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\x01", "- just\n- a list", ""])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"policy\.yaml"):
        read_policy(write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="No such file"):
        read_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyInvalid, match="UTF-8"):
        read_policy(tmp_path / "policy.yaml")


def test_a_token_file_is_read_when_it_is_wanted(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    policy = read_policy(write(tmp_path, GOOD.replace("token: sandbox-token", f"token_file: {token}")))
    assert policy.systems["erp"].secret() == "secret-token"
    assert "secret-token" not in repr(policy)
    token.unlink()
    with pytest.raises(PolicyInvalid, match="token_file"):
        policy.systems["erp"].secret()


def test_what_the_gateway_is_called_nobody_else_may_be(tmp_path: Path) -> None:
    [source] = mistakes(tmp_path, "  urn:psa:", "  tallystick:self:")
    assert "sources.tallystick:self: sources that begin with tallystick are ours, name it otherwise" in source
    for name in ("self", "tallystick-erp"):
        told = mistakes(tmp_path, "systems:\n  erp:", f"systems:\n  {name}:")
        assert any(f"systems.{name}: self, and names that begin with tallystick, are ours" in line for line in told)


REGION = """\
    successors:
      erp: [{system: books, from_on: 2027-01-01}]
    operations: {billable.post: erp, milestone.put: null}
    flows: {time: shadow, forecasts: off}
"""
RULES = """\
approvals:
  large_deal:
    role: finance
    amount_above: {EUR: 250000}
    legal_entities: [DE01]
ownership:
  - entity: customer
    fields: [name, tax_profile]
    owner: erp
    otherwise: case
"""


def whole(region: str = REGION, rules: str = RULES) -> str:
    """A file with an entry of every kind."""
    text = GOOD.replace("    tax_codes:", f"{region}    tax_codes:").replace("sources:", f"{rules}sources:", 1)
    return (
        text.replace('types: ["timesheet.*"]', 'types: ["timesheet.*"]\n    system: erp\n    unique_lines: true')
        + TRYTON
    )


def test_all_that_decisions_read_is_read(tmp_path: Path) -> None:
    policy = read_policy(write(tmp_path, whole())).policy
    entity = policy.legal_entities["DE01"]
    assert [entity.route("billable.reverse", day) for day in (date(2026, 12, 31), date(2027, 1, 1))] == ["erp", "books"]
    assert [entity.route(name, date(2027, 1, 1)) for name in ("billable.post", "milestone.put")] == ["erp", None]
    assert [entity.mode(flow) for flow in (Flow.TIME, Flow.FORECASTS, Flow.PROJECTS)] == ["shadow", "off", "live"]
    assert policy.approvals["large_deal"].amount_above == {"EUR": 250000}
    assert (policy.ownership[0].owner, policy.ownership[0].otherwise) == ("erp", "case")
    assert (policy.systems_of, policy.unique_lines) == ({"urn:psa": "erp"}, frozenset({"urn:psa"}))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("system: books, from", "system: book, from", "7: legal_entities.DE01.successors.erp.0.system: 'book' is not"),
        ("billable.post: erp,", "billable.post: er,", "8: legal_entities.DE01.operations.billable.post: 'er' is not"),
        ("milestone.put: null", "milestone.pu: null", "8: legal_entities.DE01.operations: there is no operation"),
        ("time: shadow", "time: shadows", "9: legal_entities.DE01.flows.time: Input should be 'off', 'shadow' or 'l"),
        ("    legal_entities: [DE01]", "    legal_entities: [DE]", "16: approvals.large_deal.legal_entities.0: DE is"),
        ("role: finance", "rolle: finance", "14: approvals.large_deal.rolle: there is no such key: did you mean role"),
        ("[name, tax_profile]", "[name, vat]", "19: ownership.0.fields.1: a customer has no field vat: choose from"),
        ("owner: erp", "owner: sap", "20: ownership.0.owner: 'sap' is not under `systems`"),
        (
            "[{system: books, from_on: 2027-01-01}]",
            "[{system: books, from_on: 2027-01-01}, {system: erp, from_on: 2027-01-01}]",
            "7: legal_entities.DE01.successors.erp: 2 systems take over on 2027-01-01: leave one",
        ),
        (
            "service_lines: [advisory]",
            "service_lines: {a: {template: [{code: x, name: X}, {code: x, name: Y}]}}",
            "11: service_lines.a.template: 2 work packages have the code x: give each its own",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_where_it_stands(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = whole()
    assert old in text
    with pytest.raises(PolicyInvalid) as caught:
        read_policy(write(tmp_path, text.replace(old, new, 1)))
    lines = str(caught.value).replace(f"{tmp_path}/policy.yaml:", "").splitlines()
    assert any(line.startswith(told) for line in lines), lines


def test_sources_of_our_own_are_nobody_elses(tmp_path: Path) -> None:
    for name in ("conflict:x", "tallystick:self"):
        [told] = mistakes(tmp_path, "  urn:psa:", f'  "{name}":')
        assert f"sources.{name}: sources that begin with" in told


def test_a_policy_is_named_by_its_text(tmp_path: Path) -> None:
    one = read_policy(write(tmp_path, GOOD))
    same, other = parse_policy(GOOD, "a copy"), parse_policy(f"{GOOD}# the same, but for this\n", "another")
    assert one.text == GOOD
    assert one.hash == same.hash == sha256(GOOD.encode()).hexdigest()[:12]
    assert other.hash != one.hash
