"""Whatever systems answer and people do, in whatever order: one project for each part, only of an approved deal.

And each done step stands, is undone, or is named.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Reject
from actors.policy import Approval, Mode
from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement
from schemas.engagement.v1 import CustomerMoved
from tests.actors.firm import SHIPYARD, WON, customer, deal, known_customer, part
from tests.actors.flows.desk import POLICY, STEPS, Desk
from tests.actors.flows.test_modes import runs

RULES: Final = {
    "always": Approval(role="finance"), "big": Approval(role="legal", discount_above=None, new_customer=True),
}  # fmt: skip
MOVED: Final = SHIPYARD._replace(id="C-2")
UNDOES: Final = {
    "project.cancel": "project.create", "project.withdraw": "project.put", "contract.cancel": "contract.put",
    "project.withdrawn": "project.opened", "contract.withdrawn": "contract.opened",
    "workspace.archive": "workspace.create",
}  # fmt: skip
STEP_OF: Final = {
    "project.create": "shell", "project.put": "delivery", "contract.put": "contract", "project.opened": "open",
    "contract.opened": "terms", "workspace.create": "workspace", "project.link": "links",
}  # fmt: skip


class Course:
    """A desk with what the systems have done: (legal entity, operation) -> how often."""

    def __init__(self, *, one_part: bool) -> None:
        self.desk = Desk(
            policy=POLICY, others={SHIPYARD: Customer(profile=customer()), MOVED: known_customer()},
            **RULES,
        )  # fmt: skip
        self.done: Counter[tuple[str, str]] = Counter()
        self.undone: Counter[tuple[str, str]] = Counter()
        self.parts = (part("DE01"), part("US01", currency="USD"))[: 1 if one_part else 2]

    def play(self, chance: Random) -> None:
        """One thing happens."""
        desk = self.desk
        match chance.choice(["answer"] * 12 + ["act"] * 4 + ["customer"] * 3 + ["deal", "moved", "reload", "world"]):
            case "answer" if desk.open:
                self._answer(chance)
            case "act":
                topic = chance.choice([*desk.cases, "validate", "approval:always", "step:DE01.shell", "left_over"])
                case = desk.cases.get(topic)
                act = chance.choice(case.acts if case else tuple(Act))
                if act in {Act.REJECT, Act.CANCEL} and chance.random() < 0.7:
                    act = Act.APPROVE if act is Act.REJECT else Act.RETRY
                changes = chance.choice([{"external_id": "X-1"}, {"parts": {"DE01": {"tax_code": "D7"}}}, None])
                by = chance.choice(["E-fin", "E-fin", "E-ask"])
                if isinstance(desk.act(topic, act, by=by, roles=("finance", "legal"), changes=changes), Accept):
                    assert case is not None, f"{topic} was not open"
            case "customer":
                legal_entity = chance.choice(["DE01", "US01"])
                which = chance.choice([SHIPYARD.id, SHIPYARD.id, "C-2"])
                if chance.random() < 0.5:
                    desk.ready(legal_entity, which)
                else:
                    desk.unready(legal_entity)
            case "deal":
                desk.when(deal(*self.parts, opportunity_id=chance.choice(["OPP-1", "OPP-2"])))
            case "moved":
                desk.when(CustomerMoved(to=WON.id, customer=SHIPYARD.id, into="C-2"))
            case "reload":
                modes = {
                    code: chance.choice([Mode.LIVE, Mode.LIVE, Mode.SHADOW, Mode.OFF]) for code in ("DE01", "US01")
                }
                desk.knows(policy=runs(**modes).model_copy(update={"approvals": RULES}))
            case _:
                profile = chance.choice(["standard", "offshore"])
                desk.knows(customer=Customer(profile=customer(tax_profile=profile), on_hold=chance.random() < 0.3))

    def _answer(self, chance: Random) -> None:
        desk = self.desk
        line = chance.choice(sorted(desk.open))
        legal_entity, request = line.split(".")[0], desk.open[line]
        match chance.choice(["done"] * 12 + ["refused"] * 2 + ["no id"]):
            case "refused":
                assert not isinstance(desk.refused(line), Reject)
            case answer:
                assert not isinstance(desk.done(line, without_id=answer == "no id"), Reject)
                if request.operation in UNDOES:
                    self.undone[legal_entity, UNDOES[request.operation]] += 1
                else:
                    self.done[legal_entity, request.operation] += 1

    @property
    def is_on_the_way(self) -> bool:
        """Whether some of the deal has failed, and some is with the systems."""
        return bool(self.desk.open) and any(topic.startswith("step:") for topic in self.desk.cases)

    def cancel(self, chance: Random) -> None:
        """A person cancels, and the systems take back what they are asked to, sooner or later."""
        desk = self.desk
        topic = next(
            (topic for topic, case in desk.cases.items() if Act.CANCEL in case.acts and "step:" in topic), None
        )
        if topic is None:
            return
        assert isinstance(desk.act(topic, Act.CANCEL), Accept)
        for _ in range(200):
            self.check()
            if desk.state.status == "cancelled":
                return
            if desk.open:
                self._answer(chance)
            for undo in [topic for topic in desk.cases if topic.startswith("undo:")]:
                assert isinstance(desk.act(undo, chance.choice([Act.RETRY, Act.RETRY, Act.RESOLVE])), Accept)
        raise AssertionError(f"not cancelled after all that: {desk.state}")

    def check(self) -> None:
        """What must be so at any time."""
        state = self.desk.state
        assert set(self.desk.cases) == open_topics(state)
        live = [part for part in state.parts if not part.is_shadow]
        used = {("project.id", part.project_id) for part in live} | {("contract.id", part.contract_id) for part in live}
        assert self.desk.ids == (set() if state.status == "cancelled" else used)
        if self.desk.asked:
            assert {grant.rule for grant in state.grants} >= {"always"}, "nothing is asked for before it is approved"
            assert all(grant.by != "E-ask" for grant in state.grants)
            approved = {code for grant in state.grants if grant.rule == "always" for code in grant.parts}
            assert {request.line.split(".")[0] for request in self.desk.asked} <= approved
        for each in state.parts:
            statuses = [each.step(name).status for name in STEPS]
            if "undoing" in statuses:
                later = statuses[statuses.index("undoing") + 1 :]
                assert not {"asked", "done", "undoing"} & set(later), "the last step is undone first"
        for (legal_entity, operation), times in self.done.items():
            if operation == "customer.trade":
                continue
            assert times == 1, f"{operation} of {legal_entity} was done {times} times"
            step = self.desk.part(legal_entity).step(STEP_OF[operation])
            if state.status == "cancelled":
                named = any(entry.startswith(f"{legal_entity}.{STEP_OF[operation]} ") for entry in state.kept)
                assert (self.undone[legal_entity, operation] == 1) != named
            assert step.status in {"done", "failed", "undoing", "undone", "kept", "skipped"}


def open_topics(state: Engagement) -> set[str]:
    """The topics on which the state says that a person must act."""
    topics = {f"approval:{rule}" for rule in state.pending} | {f"second_deal:{each}" for each in state.refused_deals}
    topics |= {"validate"} if state.status == "blocked" else set()
    topics |= {"second_deals"} if state.has_refused_more else set()
    topics |= {"left_over"} if state.to_mend else set()
    for each in state.parts:
        for name, step in each.steps.items():
            if step.status == "failed":
                topics.add(f"step:{each.legal_entity}.{name}")
            if step.status == "undoing" and step.code is not None:
                topics.add(f"undo:{each.legal_entity}.{name}")
    return topics


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_any_course(seed: int) -> None:
    chance = Random(seed)
    course = Course(one_part=chance.random() < 0.5)
    course.desk.won(deal(*course.parts))
    if chance.random() < 0.8:
        for rule in tuple(course.desk.state.pending):
            course.desk.act(f"approval:{rule}", Act.APPROVE, roles=("finance", "legal"))
    for _ in range(chance.randint(10, 80)):
        course.play(chance)
        course.check()
        if course.is_on_the_way and chance.random() < 0.2:
            course.cancel(chance)
    if chance.random() < 0.5:
        course.cancel(chance)
