"""A desk for won deals: an engagement, the systems' answers as a test wishes them, and what stands open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from actors.decision import Accept, Decision, Request, State
from actors.entities.engagement import ACTOR
from actors.policy import Approval, LegalEntity, Policy, ServiceLine, WorkPackage
from schemas.acts import Act, Acted
from schemas.commands import Confirmed, Rejected, Result
from schemas.engagement.entity import Engagement, PartState
from schemas.engagement.v1 import CustomerReady, CustomerRefused
from schemas.facts import Case, Claim, Notice
from schemas.keys import ActorKey
from schemas.project.v2 import OpportunityWon
from schemas.record import Record
from schemas.verdicts import Failure, FailureClass
from tests.actors.firm import SHIPYARD, WON, deal, known_customer
from tests.actors.stage import REFUSED, Given, command_of

POLICY: Final = Policy(
    legal_entities={
        "DE01": LegalEntity(currency="EUR", workspace="docs", tax_codes={"standard": "D19", "reduced": "D7"}),
        "US01": LegalEntity(currency="USD", erp="us-erp", workspace="docs", tax_codes={"standard": "US0"}),
    },
    service_lines={
        "advisory": ServiceLine(template=(WorkPackage(code="WP1", name="Analysis"),), revenue="REV-A"),
        "audit": ServiceLine(),
    },
)
FINANCE: Final = Approval(role="finance")
IDS: Final = {
    "project.create": "PRJ", "project.put": "psa", "contract.put": "K", "workspace.create": "W", "project.link": "L",
}  # fmt: skip
STEPS: Final = ("customer", "shell", "delivery", "contract", "open", "terms", "workspace", "links")


class Desk:
    """One engagement. `open` are the commands that no system has answered, by line; `cases` stand open, by topic."""

    def __init__(
        self, *, policy: Policy = POLICY, others: Mapping[ActorKey, State] | None = None, **approvals: Approval
    ) -> None:
        policy = policy.model_copy(update={"approvals": approvals}) if approvals else policy
        firm = {SHIPYARD: known_customer()} if others is None else dict(others)
        self._given = Given(ACTOR, WON, Engagement(), policy, others=firm)
        self.open: dict[str, Request] = {}
        self.asked: list[Request] = []
        self.cases: dict[str, Case] = {}
        self.notices: list[Notice] = []
        self.remarks: list[str] = []
        self.claims: set[Claim] = set()

    @property
    def state(self) -> Engagement:
        """The engagement as it is kept."""
        assert isinstance(self._given.state, Engagement)
        return self._given.state

    @property
    def operations(self) -> list[str]:
        """What was asked for so far, in order."""
        return [request.operation for request in self.asked]

    @property
    def ids(self) -> set[Claim]:
        """The ids that no other engagement may use."""
        return {claim for claim in self.claims if claim.scope in {"project.id", "contract.id"}}

    def part(self, legal_entity: str = "DE01") -> PartState:
        """One part of the deal."""
        return next(part for part in self.state.parts if part.legal_entity == legal_entity)

    def statuses(self, legal_entity: str = "DE01") -> dict[str, str]:
        """Step -> how far it is."""
        return {step: self.part(legal_entity).step(step).status for step in STEPS}

    def knows(
        self,
        *,
        policy: Policy | None = None,
        customer: State | None = None,
        others: Mapping[ActorKey, State] | None = None,
        taken: Mapping[Claim, ActorKey] | None = None,
    ) -> None:
        """From now on the firm has another policy or customer, or others beside them, or `taken` is somebody's."""
        changed = {} if customer is None else {SHIPYARD: customer}
        others = {**self._given.others, **changed, **(others or {})}
        taken = self._given.taken if taken is None else taken
        self._given = replace(self._given, policy=policy or self._given.policy, others=others, taken=taken)

    def when(self, happened: Record | Result) -> Decision:
        """Decide, and keep what comes of it."""
        decision = self._given.when(happened)
        if isinstance(decision, Accept):
            self._keep(decision)
        return decision

    def won(self, won: OpportunityWon | None = None) -> Desk:
        """The deal is won."""
        assert isinstance(self.when(won or deal()), Accept)
        return self

    def done(self, line: str, *, without_id: bool = False) -> Decision:
        """A system has done what it was asked."""
        request = self.open.pop(line)
        prefix = None if without_id else IDS.get(request.operation)
        external_id = None if prefix is None else f"{prefix}-{line.split('.', maxsplit=1)[0]}"
        return self.when(Result(command_of(WON, request), Confirmed(external_id)))

    def refused(self, line: str, failure: Failure = REFUSED) -> Decision:
        """A system refuses what it was asked."""
        return self.when(Result(command_of(WON, self.open.pop(line)), Rejected(failure)))

    def ready(self, legal_entity: str = "DE01", customer: str = SHIPYARD.id) -> Decision:
        """The customer says that the ERP has it."""
        return self.when(
            CustomerReady(to=WON.id, customer=customer, legal_entity=legal_entity, erp_id="10099", tax_code="D19")
        )

    def unready(self, legal_entity: str = "DE01", code: str = "tax_profile_unmapped") -> Decision:
        """The customer says that the ERP will not have it."""
        return self.when(
            CustomerRefused(
                to=WON.id, customer=SHIPYARD.id, legal_entity=legal_entity, failure_class=FailureClass.MAPPING,
                code=code, reason="add the tax profile to the policy file",
            )
        )  # fmt: skip

    def act(
        self, topic: str, act: Act, *, by: str = "E-fin", roles: tuple[str, ...] = ("finance",),
        changes: Mapping[str, Any] | None = None, seen: Case | None = None,
    ) -> Decision:  # fmt: skip
        """A person acts on a case as it is now, or as it was `seen`."""
        case = seen or self.cases.get(topic)
        return self.when(
            Acted(
                topic=topic, act=act, by=by, roles=roles, reason="looked into it", changes=changes,
                seen=None if case is None else case.asks,
            )
        )  # fmt: skip

    def go_on(self, *, until: str | None = None) -> Desk:
        """The systems do what they are asked, one after the other, until the line `until` stands open."""
        while self.open and until not in self.open:
            line = next(iter(self.open))
            request = self.open[line]
            self.done(line)
            if request.operation == "customer.trade":
                self.ready(line.split(".")[0])
        return self

    def _keep(self, accept: Accept) -> None:
        for request in accept.requests:
            identity = (request.system, request.operation, request.line)
            assert identity not in {(each.system, each.operation, each.line) for each in self.asked}, identity
            assert type(request.body).model_validate_json(request.body.model_dump_json()) == request.body
            self.open[request.line] = request
            self.asked.append(request)
        for topic in accept.settles:
            self.cases.pop(topic, None)
        for case in accept.cases:
            assert case.topic is not None
            assert case.topic not in accept.settles, "a case is either opened or closed"
            self.cases[case.topic] = case
        self.notices += accept.notices
        self.remarks += accept.remarks
        assert not set(accept.claims) & set(self._given.taken), "what another has cannot be committed"
        assert set(accept.releases) <= self.claims
        self.claims = (self.claims - set(accept.releases)) | set(accept.claims)
        state = Engagement.model_validate_json(accept.state.model_dump_json())
        assert state == accept.state, "what is stored reads as what was decided"
        self._given = replace(self._given, state=state)
