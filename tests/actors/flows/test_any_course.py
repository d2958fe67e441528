"""Whatever systems answer and people do, in whatever order: one project for each part, only of an approved deal.

And each done step stands, is undone, or is named. What was approved of a part is what begins; nothing begins for a
customer that is gone, nor beside a part that the deal came again without until a person has settled that; a contract
that was in force before is neither put nor cancelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Reject
from actors.policy import ROLES, Approval, Mode, Policy
from schemas.acts import Act
from schemas.customer.entity import Customer, ErpRecord
from schemas.customer.v1 import Trade
from schemas.engagement.entity import Engagement
from schemas.engagement.v1 import CustomerMoved
from schemas.keys import ActorKey
from schemas.operations.project import ProjectCreate
from schemas.project.v2 import OpportunityWon
from tests.actors.firm import SHIPYARD, WON, customer, deal, known_customer, part
from tests.actors.flows.desk import POLICY, STEPS, Desk
from tests.actors.flows.test_modes import runs
from tests.actors.flows.test_standing_contracts import in_force

RULES: Final = {
    "always": Approval(role="finance"), "big": Approval(role="legal", discount_above=None, new_customer=True),
}  # fmt: skip
MOVED: Final = SHIPYARD._replace(id="C-2")
STAYS: Final = Customer(
    profile=customer(), records=(ErpRecord(legal_entity="DE01", system="erp", line="DE01.1", external_id="20042"),)
)
STANDING: Final = ("SOW-1", "SOW-1-DE01")
"""Ids of the contract of DE01, in a deal of one part and of two."""
UNDOES: Final = {
    "project.cancel": "project.create", "project.withdraw": "project.put", "contract.cancel": "contract.put",
    "project.withdrawn": "project.opened", "contract.withdrawn": "contract.opened",
    "workspace.archive": "workspace.create",
}  # fmt: skip
STEP_OF: Final = {
    "project.create": "shell", "project.put": "delivery", "contract.put": "contract", "project.opened": "open",
    "contract.opened": "terms", "workspace.create": "workspace", "project.link": "links",
}  # fmt: skip


ELSEWHERE: Final = "P-77"
HAPPENS: Final = (
    *["answer"] * 10, *["act"] * 6, *["customer"] * 2, *["deal"] * 3, *["reload"] * 2, "moved", "merged", "world",
)  # fmt: skip
"""What happens, as often as it does beside the others."""
CONTRACTS: Final = ("contract.put", "contract.cancel")
GONE_ERP_ID: Final = "10042"
"""Of the customer that a merge takes away, where the ERP has it."""


def somewhere(policy: Policy, chance: Random) -> Policy:
    """The policy with its rules, in which some of what is undone may be sent nowhere."""
    nowhere = {operation: None for operation in UNDOES if operation in ROLES and chance.random() < 0.3}
    entities = {
        code: entity.model_copy(update={"operations": nowhere}) for code, entity in policy.legal_entities.items()
    }
    return policy.model_copy(update={"legal_entities": entities, "approvals": RULES})


class Course:
    """A desk with what the systems have done: (legal entity, operation) -> how often."""

    def __init__(self, *, one_part: bool) -> None:
        self.desk = Desk(
            policy=POLICY, others={SHIPYARD: Customer(profile=customer()), MOVED: STAYS},
            **RULES,
        )  # fmt: skip
        self.is_merged = False
        self.stands: str | None = None
        self.approved: dict[tuple[str, str], Decimal | None] = {}
        """(rule, legal entity) -> the worth of the part that was approved by it last."""
        self.begun: dict[str, Decimal | None] = {}
        """Legal entity -> the worth that its part had when something was first asked for it."""
        self.done: Counter[tuple[str, str]] = Counter()
        self.undone: Counter[tuple[str, str]] = Counter()
        self.codes = ("DE01", "US01")[: 1 if one_part else 2]

    def deal(self, chance: Random, opportunity_id: str = "OPP-1") -> OpportunityWon:
        """The deal, as much worth as it may come to be."""
        parts = (
            part(code, currency="EUR" if code == "DE01" else "USD", value=chance.choice(["10.00", "99.00"]))
            for code in self.codes
        )
        return deal(*parts, opportunity_id=opportunity_id)

    def has_contract(self, project: str) -> None:
        """A contract is in force before the deal, on this project."""
        self.stands = project
        standing = in_force(project_id=project)
        self.desk.knows(others={ActorKey("contract", id_): standing for id_ in STANDING})

    def play(self, chance: Random) -> None:  # noqa: C901 one branch for each thing that may happen
        """One thing happens."""
        desk = self.desk
        match chance.choice(HAPPENS):
            case "answer" if desk.open:
                self._answer(chance)
            case "act":
                wrong = ["validate", "approval:always", "step:DE01.shell", "left_over"]
                topic = chance.choice([*desk.cases] if desk.cases and chance.random() < 0.8 else wrong)
                case = desk.cases.get(topic)
                act = chance.choice(case.acts if case else tuple(Act))
                if act in {Act.REJECT, Act.CANCEL} and chance.random() < 0.5:
                    act = Act.APPROVE if act is Act.REJECT else Act.RETRY
                changes = chance.choice([{"external_id": "X-1"}, {"parts": {"DE01": {"tax_code": "D7"}}}, None])
                by = chance.choice(["E-fin", "E-fin", "E-ask"])
                self._act(topic, act, by, changes)
            case "customer":
                legal_entity = chance.choice(["DE01", "US01"])
                which = "C-2" if self.is_merged else chance.choice([SHIPYARD.id, SHIPYARD.id, "C-2"])
                if chance.random() < 0.5:
                    desk.ready(legal_entity, which)
                else:
                    desk.unready(legal_entity)
            case "deal":
                won = self.deal(chance, chance.choice(["OPP-1", "OPP-1", "OPP-2"]))
                first = 1 if len(won.parts) > 1 and chance.random() < 0.4 else 0  # it may come without a part
                desk.when(won.model_copy(update={"parts": won.parts[first:]}))
            case "moved":
                desk.when(CustomerMoved(to=WON.id, customer=SHIPYARD.id, into="C-2"))
            case "reload":
                self.reload(chance)
            case "merged":
                self.is_merged = True
                gone = Customer(profile=customer(), status="merged", merged_into=MOVED.id)
                desk.knows(customer=gone)
            case "world" if not self.is_merged:
                profile = chance.choice(["standard", "offshore"])
                known = chance.choice([Customer(), known_customer()]).model_copy(
                    update={"profile": customer(tax_profile=profile), "on_hold": chance.random() < 0.3}
                )
                desk.knows(customer=known)
            case _:
                return

    def _act(self, topic: str, act: Act, by: str, changes: Mapping[str, Any] | None) -> None:
        desk, case, before = self.desk, self.desk.cases.get(topic), len(self.desk.asked)
        grants = desk.state.grants
        if not isinstance(desk.act(topic, act, by=by, roles=("finance", "legal"), changes=changes), Accept):
            return
        assert case is not None, f"{topic} was not open"
        assert desk.state.deal is not None
        worth = {part.legal_entity: part.amount for part in desk.state.deal.parts}
        if len(desk.state.grants) > len(grants):
            given = desk.state.grants[-1]
            self.approved |= {(given.rule, code): worth[code] for code in given.parts}
        for request in desk.asked[before:]:
            if self.is_merged and isinstance(request.body, ProjectCreate):
                assert request.body.customer != GONE_ERP_ID, "a project is set up for a customer that is gone"

    def reload(self, chance: Random) -> None:
        """Another policy file."""
        modes = {code: chance.choice([Mode.LIVE, Mode.LIVE, Mode.SHADOW, Mode.OFF]) for code in ("DE01", "US01")}
        self.desk.knows(policy=somewhere(runs(**modes), chance))

    def approve(self, rule: str) -> None:
        """Somebody who may approves by a rule."""
        self._act(f"approval:{rule}", Act.APPROVE, "E-fin", None)

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
            if any(topic.startswith("undo:") for topic in desk.cases):
                desk.knows(policy=somewhere(POLICY, chance))
            if desk.open:
                self._answer(chance)
            for undo in [topic for topic in desk.cases if topic.startswith("undo:")]:
                assert isinstance(desk.act(undo, chance.choice([Act.RETRY, Act.RETRY, Act.RESOLVE])), Accept)
        raise AssertionError(f"not cancelled after all that: {desk.state}")

    def _check_customer(self) -> None:
        """What waits for the customer waits for the one that it is now."""
        trades = [(each.line.split(".")[0], each.body) for each in self.desk.asked if isinstance(each.body, Trade)]
        asked_of = {legal_entity: body.to for legal_entity, body in trades}
        for each in self.desk.state.parts:
            if not each.is_shadow and each.step("customer").status == "asked":
                assert asked_of[each.legal_entity] == self.desk.state.customer

    def check_beside(self, before: Engagement) -> None:
        """No further part begins while a person must see to one that the deal came again without."""
        after = self.desk.state
        if before.gone and after.gone:
            assert [part.legal_entity for part in after.parts if part.is_begun] == [
                part.legal_entity for part in before.parts if part.is_begun
            ]

    def check(self) -> None:
        """What must be so at any time."""
        state = self.desk.state
        assert set(self.desk.cases) == open_topics(state)
        live = [part for part in state.parts if not part.is_shadow]
        used = {("project.id", part.project_id) for part in live} | {
            ("contract.id", part.contract_id)
            for part in live
            if self.stands is None or part.contract_id not in STANDING
        }
        assert self.desk.ids == (set() if state.status == "cancelled" else used)
        if self.desk.asked:
            assert {grant.rule for grant in state.grants} >= {"always"}, "nothing is asked for before it is approved"
            assert all(grant.by != "E-ask" for grant in state.grants)
            approved = {code for grant in state.grants if grant.rule == "always" for code in grant.parts}
            assert {request.line.split(".")[0] for request in self.desk.asked} <= approved
            assert state.deal is not None
            worth = {part.legal_entity: part.amount for part in state.deal.parts}
            for code in {request.line.split(".")[0] for request in self.desk.asked}:
                begun_with = self.begun.setdefault(code, worth[code])
                assert self.approved["always", code] == begun_with == worth[code], "what was approved is what runs"
        if self.stands is not None:
            of_its_part = [request for request in self.desk.asked if request.line.startswith("DE01")]
            assert not [request for request in of_its_part if request.operation in CONTRACTS]
            assert not of_its_part or self.stands != ELSEWHERE, "it is in force on another project"
        self._check_customer()
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
    topics |= {f"part_gone:{legal_entity}" for legal_entity in state.gone}
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
@example(12315).via("a part under a contract that came alone, and the deal came again without it")
def test_any_course(seed: int) -> None:
    chance = Random(seed)
    course = Course(one_part=chance.random() < 0.5)
    if chance.random() < 0.3:
        course.has_contract(chance.choice(["P-1" if course.codes == ("DE01",) else "P-1-DE01", ELSEWHERE]))
    if chance.random() < 0.4:
        course.reload(chance)
    if chance.random() < 0.5:
        course.desk.knows(customer=known_customer())
    course.desk.when(course.deal(chance))
    if chance.random() < 0.6:
        for rule in tuple(course.desk.state.pending):
            course.approve(rule)
    for _ in range(chance.randint(10, 80)):
        before = course.desk.state
        course.play(chance)
        course.check()
        course.check_beside(before)
        if course.is_on_the_way and chance.random() < 0.2:
            course.cancel(chance)
    if chance.random() < 0.5:
        course.cancel(chance)
