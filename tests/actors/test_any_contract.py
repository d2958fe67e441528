"""Whatever order change orders, acts, and answers come in: the history has no hole, and the value is its sum."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Request
from actors.entities.contract import ACTOR
from schemas.acts import Act
from schemas.commands import Result
from schemas.contract.entity import Contract
from schemas.contract.v1 import Withdrawn
from schemas.record import Record
from tests.actors.agreements import CFO, DIRECTOR, END, SOW, SUPERVISED, act, opened, order, renewal, termination
from tests.actors.stage import Given

VERSIONS = st.integers(2, 6)
ORDERS = st.builds(
    lambda version, change, rate, by, currency: order(
        version, change=change, rate=rate, approved_by=by, currency=currency, hours="10"
    ),
    VERSIONS,
    st.sampled_from(["0.00", "500.00", "-500.00", "20000.00", "-60000.00", None]),
    st.sampled_from([None, "150.00", "160.00"]),
    st.sampled_from([("M-1", "account_manager"), DIRECTOR]),
    st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
)
ACTS = st.builds(
    act,
    st.sampled_from(list(Act)),
    st.sampled_from([*(f"change_order:{version}" for version in range(2, 7)), "renewal"]),
    st.sampled_from([DIRECTOR, CFO]),
)
WITHDRAWAL = Withdrawn(to=SOW.id, engagement="ENG-1", reason="the customer is gone")
SECOND = opened().model_copy(update={"engagement": "ENG-2"})
DEAR = renewal(change="20000.00", rate="152.00")
EVENTS = st.one_of(
    ORDERS, ORDERS, ACTS, st.sampled_from([opened(), renewal(), DEAR, termination(END), WITHDRAWAL, SECOND])
)


@settings(max_examples=80, deadline=None)
@given(st.lists(EVENTS, max_size=14), st.data())
def test_versions_follow_each_other_and_the_value_is_their_sum(events: list[Record], data: st.DataObject) -> None:
    contract = Given(ACTOR, SOW, Contract(), SUPERVISED)
    waiting: list[Request] = []
    lines: set[tuple[str, str]] = set()
    topics: set[str] = set()
    for event in events:
        happened: list[Record | Result] = [event]
        for _ in range(data.draw(st.integers(0, len(waiting)))):
            request = waiting.pop(0)
            is_refused: bool = data.draw(st.booleans())
            if is_refused and request.operation == "contract.put":
                happened.append(contract.refused(request))
            else:
                happened.append(contract.confirmed(request, "CON-1"))
        for each in happened:
            decision = contract.when(each)
            if not isinstance(decision, Accept):
                continue
            stored = Contract.model_validate_json(decision.state.model_dump_json())
            assert stored == decision.state
            for request in decision.requests:
                assert (request.operation, request.line) not in lines, "the same step is never asked for twice"
                lines.add((request.operation, request.line))
            waiting += decision.requests
            assert not {f"{case.topic}" for case in decision.cases} & set(decision.settles), (
                "opened or closed, not both"
            )
            topics -= set(decision.settles)
            topics |= {f"{case.topic}" for case in decision.cases}
            contract = contract.after(each)
            check(stored, topics)


def check(contract: Contract, topics: set[str]) -> None:
    """What holds after every step."""
    begun = max((each.number for each in contract.history if each.kind == "contract"), default=0)
    orders = [each for each in contract.history[begun:] if each.kind == "change_order"]
    assert [each.number for each in contract.history] == list(range(1, len(contract.history) + 1))
    assert [each.version for each in orders] == sorted({each.version for each in orders})
    assert all(version > contract.version for version in contract.held)
    assert contract.version == 0 or contract.version + 1 not in contract.held or contract.held[contract.version + 1].why
    if contract.version:
        worth = sum((each.value for each in contract.in_force if each.value is not None), Decimal(0))
        assert contract.value == worth >= 0
    wanted = {f"change_order:{version}" for version, held in contract.held.items() if held.why is not None}
    if contract.status != "withdrawn":
        wanted |= {each.topic for each in contract.unbilled}
    if contract.version:  # before, what comes of renewal and end is told by cases of these topics
        wanted |= {"renewal"} if contract.renewal is not None else set()
        told = {"termination", "withdrawn", "taken:ENG-1", "taken:ENG-2"} | (
            {"renewal"} if contract.renewal is None else set()
        )
    else:
        told = {"renewal", "termination"}
    assert topics - told == wanted
