"""What the ERPs are asked: each state of the customer once for each legal entity that trades with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from actors.decision import Context, Request
from actors.lines import digest_after
from actors.policy import Flow, LegalEntity, Mode
from schemas.acts import Act
from schemas.customer.entity import Asker, Customer, ErpRecord
from schemas.customer.v1 import Upserted
from schemas.facts import Case
from schemas.operations.customer import CustomerPut
from schemas.verdicts import Failure, FailureClass

OPERATION: Final = "customer.put"
TOPIC: Final = "erp:"
ID_MISSING: Final = "id_missing"
"""The system says that it has the customer, but not under which id."""
NOT_HELD: Final = "not_held"
"""The customer went, and its record cannot be put on hold."""
_TOPIC_CODE: Final = 180
"""Characters of a legal entity's code that a topic names."""


@dataclass(frozen=True, slots=True)
class Brought:
    """The customer after its ERPs were asked. `failed`: legal entities of this turn whose ERP cannot be asked."""

    state: Customer
    requests: tuple[Request, ...] = ()
    remarks: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def bring(state: Customer, context: Context, only: Collection[str] | None = None, *, anew: bool = True) -> Brought:
    """Bring the ERPs to this state of the customer, or those of `only` some legal entities.

    `anew`: also those that have it or were asked for it already. Nothing is asked while it may be another customer.
    """
    profile = state.profile
    if profile is None or state.status != "known":
        return Brought(state)
    wanted = tuple(dict.fromkeys((*profile.legal_entities, *state.traded)))
    turn = _Turn(
        state.model_copy(
            update={
                "askers": tuple(_routed(asker, context) for asker in state.askers),
                "tax_codes": {code: tax for code, tax in state.tax_codes.items() if code in wanted},
                "failures": {code: failure for code, failure in state.failures.items() if code in wanted},
            }
        ),
        context,
        profile,
    )
    for code in wanted:
        if only is None or code in only:
            turn.bring(code, anew=anew)
    return turn.brought()


def hold_back(state: Customer, context: Context, only: Collection[str] | None = None) -> Brought:
    """Put what the ERPs have of a customer that was merged on hold; one that has refused it has nothing to hold.

    Of a legal entity that runs no customers, or in shadow, a remark says that the record is not held.
    """
    if state.profile is None:
        return Brought(state)
    turn = _Turn(state, context, state.profile)
    for row in state.records:
        if only is None or row.legal_entity in only:
            if _is_nowhere(state, row):
                turn.forget(row.legal_entity)
            else:
                turn.hold(row)
    return turn.brought()


def topic(legal_entity: str) -> str:
    """The topic of the case about a legal entity's ERP."""
    return f"{TOPIC}{legal_entity[:_TOPIC_CODE]}"


def case(legal_entity: str, failure: Failure) -> Case:
    """What a person is told when an ERP cannot get the customer."""
    acts = (Act.RESOLVE,) if failure.code == NOT_HELD else (Act.RETRY,)
    return Case(failure, topic=topic(legal_entity), acts=acts)


class _Turn:
    """The requests of one decision in the making."""

    def __init__(self, state: Customer, context: Context, profile: Upserted) -> None:
        self._state = state
        self._context = context
        self._profile = profile
        self._records = list(state.records)
        self._tax_codes = dict(state.tax_codes)
        self._failures = dict(state.failures)
        self._trail = state.trail
        self._requests: list[Request] = []
        self._remarks: list[str] = []
        self._failed: list[str] = []

    def brought(self) -> Brought:
        """What has come of it."""
        state = self._state.model_copy(
            update={
                "records": tuple(self._records),
                "tax_codes": self._tax_codes,
                "failures": self._failures,
                "puts": self._state.puts + bool(self._requests),
                "trail": self._trail,
            }
        )
        return Brought(state, tuple(self._requests), tuple(self._remarks), tuple(self._failed))

    def bring(self, code: str, *, anew: bool) -> None:
        """Ask the ERPs of a legal entity, or say why they cannot be asked."""
        legal_entity = self._context.policy.legal_entities.get(code)
        if legal_entity is not None and legal_entity.mode(Flow.CUSTOMERS) is not Mode.LIVE:
            self._stay_silent(code, legal_entity, legal_entity.route(OPERATION, self._context.now.date()))
            return
        tax = _tax_code(self._state, code, legal_entity)
        if isinstance(tax, Failure) or legal_entity is None:
            self._tax_codes.pop(code, None)
            if isinstance(tax, Failure):
                self._fail(code, tax)
            return
        self._tax_codes[code] = tax
        if self._failures.get(code) is not None and self._failures[code].failure_class is FailureClass.MAPPING:
            del self._failures[code]
        for system in self._systems(code, legal_entity):
            row = self._state.record(code, system)
            if anew or row is None or (row.line is None and row.external_id is None):
                self.put(code, system, tax)

    def hold(self, row: ErpRecord) -> None:
        """Ask a system to hold what it has, or say that nobody does."""
        code = row.legal_entity
        legal_entity = self._context.policy.legal_entities.get(code)
        if legal_entity is None or legal_entity.mode(Flow.CUSTOMERS) is Mode.LIVE:
            tax_code = self._state.tax_codes.get(code) or row.tax_code
            if tax_code is None:
                self._leave(row)
            else:
                self.put(code, row.system, tax_code)
            return
        self._stay_silent(code, legal_entity, row.system)
        if row.external_id is not None:
            self._remarks.append(f"{row.system} does not hold {row.external_id} of {code}: hold it there by hand")

    def put(self, code: str, system: str, tax_code: str) -> None:
        """Ask one system."""
        profile = self._profile
        body = CustomerPut(
            customer_id=self._context.key.id,
            erp_id=self._state.erp_id(code, system),
            legal_entity=code,
            name=profile.name,
            country=profile.country,
            tax_id=profile.tax_id,
            tax_code=tax_code,
            currency=profile.currency,
            payment_terms=profile.payment_terms,
            on_hold=self._state.on_hold or self._state.merged_into is not None,
        )
        self._trail = digest_after(self._trail, body)
        line = f"{code}.{self._state.puts + 1}.{self._trail}"
        self._requests.append(Request(system, OPERATION, line, body))
        self._failures.pop(code, None)
        row = self._state.record(code, system)
        if row is None:
            self._records.append(ErpRecord(legal_entity=code, system=system, line=line, tax_code=tax_code))
        else:
            asked = row.model_copy(update={"line": line, "tax_code": tax_code})
            self._records[self._records.index(row)] = asked

    def forget(self, code: str) -> None:
        """What has failed for a legal entity need not be done any more."""
        self._failures.pop(code, None)

    def _leave(self, row: ErpRecord) -> None:
        """A record that cannot be put on hold, because nobody knows how it is taxed: a person holds it."""
        code, known_as = row.legal_entity, row.external_id or "nobody knows which"
        reason = (
            f"{row.system} has the customer as {known_as} for {code}, and cannot be asked to hold it, since no tax "
            "code is known for it: hold it there by hand, and resolve this"
        )
        self._failures[code] = Failure(FailureClass.BUSINESS_RULE, NOT_HELD, reason, "tax_profile")
        self._failed.append(code)

    def _systems(self, code: str, legal_entity: LegalEntity) -> list[str]:
        """Where the customer was begun, where engagements need it, and, if nowhere yet, where it begins today."""
        begun = [row.system for row in self._state.records if row.legal_entity == code]
        needed = [asker.system for asker in self._state.askers if asker.legal_entity == code]
        found = list(dict.fromkeys(system for system in (*begun, *needed) if system is not None))
        if found:
            return found
        system = legal_entity.route(OPERATION, self._context.now.date())
        if system is None:
            self._remarks.append(f"the policy sends no customers of {code} anywhere")
        return [] if system is None else [system]

    def _stay_silent(self, code: str, legal_entity: LegalEntity, system: str | None) -> None:
        self._failures.pop(code, None)
        if legal_entity.mode(Flow.CUSTOMERS) is Mode.OFF:
            self._remarks.append(f"{code} runs no customers: nothing is sent for it")
            return
        self._remarks.append(f"shadow: would ask {system} for {OPERATION} of {code}")

    def _fail(self, code: str, failure: Failure) -> None:
        """What is under way for it does not count any more: this state is another one."""
        self._failures[code] = failure
        self._failed.append(code)
        self._records = [
            row.model_copy(update={"line": None}) if row.legal_entity == code else row for row in self._records
        ]


def _is_nowhere(state: Customer, row: ErpRecord) -> bool:
    """Whether a system was asked, and has refused it from the start: nothing is there, or on its way."""
    failure = state.failures.get(row.legal_entity)
    is_there_unnamed = failure is not None and failure.code == ID_MISSING
    return row.line is None and row.external_id is None and not is_there_unnamed


def _routed(asker: Asker, context: Context) -> Asker:
    """With the system that it means, which stays the same whatever the policy says later."""
    legal_entity = context.policy.legal_entities.get(asker.legal_entity)
    if asker.system is not None or legal_entity is None:
        return asker
    return asker.model_copy(update={"system": legal_entity.route(OPERATION, asker.on)})


def _tax_code(state: Customer, code: str, legal_entity: LegalEntity | None) -> str | Failure:
    """The ERP's own tax code for the customer, or why there is none."""
    if legal_entity is None:
        return _unmapped("legal_entity", f"legal entity {code}", "legal_entities")
    tax_profile = state.tax_profile(code)
    if tax_profile is None:
        reason = f"the customer has no tax profile for {code}: set it where customers are kept; it goes on by itself"
        return Failure(FailureClass.MAPPING, "tax_profile_missing", reason, "tax_profile")
    return legal_entity.tax_codes.get(tax_profile) or _unmapped(
        "tax_profile", f"tax profile {tax_profile} of {code}", "tax_profile"
    )


def _unmapped(what: str, name: str, field: str) -> Failure:
    return Failure(FailureClass.MAPPING, f"{what}_unmapped", f"add {name} to the policy file, then retry", field)
