"""What the ERPs are asked: each state of the customer once for each legal entity that trades with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.customers.failing import ID_MISSING, NOT_HELD, UNLISTED, failing, without_failures
from actors.decision import Context, Request
from actors.lines import digest_after
from actors.policy import Flow, LegalEntity, Mode
from schemas.customer.entity import Asker, Customer, ErpRecord
from schemas.customer.v1 import Upserted
from schemas.operations.customer import CustomerPut
from schemas.verdicts import Failure, FailureClass

OPERATION: Final = "customer.put"


@dataclass(frozen=True, slots=True)
class Brought:
    """The customer after its ERPs were asked. `failed`: legal entities about which a person is told now, and what."""

    state: Customer
    requests: tuple[Request, ...] = ()
    remarks: tuple[str, ...] = ()
    failed: Mapping[str, Failure] = field(default_factory=dict)


def bring(state: Customer, context: Context, only: Collection[str] | None = None, *, anew: bool = True) -> Brought:
    """Bring the ERPs to this state of the customer, or those of `only` some legal entities.

    `anew`: also those that have it or were asked for it already. Nothing is asked while it may be another customer.
    """
    profile = state.profile
    if profile is None or state.status != "known":
        return Brought(state)
    wanted = state.legal_entities
    for code in failing(state).keys() - set(wanted):
        state = without_failures(state, code)
    turn = _Turn(
        state.model_copy(
            update={
                "askers": tuple(_routed(asker, context) for asker in state.askers),
                "tax_codes": {code: tax for code, tax in state.tax_codes.items() if code in wanted},
            }
        ),
        context,
    )
    for code in wanted:
        if only is None or code in only:
            turn.bring(profile, code, anew=anew)
    return turn.brought()


def hold_back(state: Customer, context: Context, only: Collection[str] | None = None) -> Brought:
    """Put what the ERPs have of a customer that was merged on hold; one that has refused it has nothing to hold.

    What has failed before is over: it is held now, or a person is told what to hold. Of a legal entity that runs no
    customers, or in shadow, a remark says that the record is not held.
    """
    turn = _Turn(state, context)
    for code in dict.fromkeys((*(row.legal_entity for row in state.records), *state.failures)):
        if only is None or code in only:
            turn.hold(code)
    return turn.brought()


class _Turn:
    """The requests of one decision in the making.

    `_stopped`: legal entities whose ERPs could not be asked before, and why; `_failed`: those that cannot be now.
    """

    def __init__(self, state: Customer, context: Context) -> None:
        self._state = state
        self._context = context
        self._records = {(row.legal_entity, row.system): row for row in state.records}
        self._tax_codes = dict(state.tax_codes)
        self._stopped = dict(state.failures)
        self._failed: dict[str, Failure] = {}
        self._requests: list[Request] = []
        self._remarks: list[str] = []

    def brought(self) -> Brought:
        """What has come of it."""
        state = self._state.model_copy(
            update={
                "records": tuple(self._records.values()),
                "tax_codes": self._tax_codes,
                "failures": self._stopped | self._failed,
            }
        )
        return Brought(state, tuple(self._requests), tuple(self._remarks), self._failed)

    def bring(self, profile: Upserted, code: str, *, anew: bool) -> None:
        """Ask the ERPs of a legal entity, or say why they cannot be asked."""
        legal_entity = self._context.policy.legal_entities.get(code)
        if legal_entity is not None and legal_entity.mode(Flow.CUSTOMERS) is not Mode.LIVE:
            self._forget(code)
            self._stay_silent(code, legal_entity, legal_entity.route(OPERATION, self._context.now.date()))
            return
        tax = _tax_code(self._state, code, legal_entity)
        if isinstance(tax, Failure) or legal_entity is None:
            self._tax_codes.pop(code, None)
            if isinstance(tax, Failure):
                self._fail(code, tax)
            return
        self._tax_codes[code] = tax
        was_stopped = self._stopped.pop(code, None) is not None  # no system has the states of that time
        for system in self._systems(code, legal_entity):
            row = self._records.get((code, system))
            if anew or was_stopped or row is None or row.is_nowhere:
                self._put(profile, code, system, tax)

    def hold(self, code: str) -> None:
        """Ask the ERPs of a legal entity to hold what they have, and say what a person must hold."""
        rows = [row for row in self._state.records if row.legal_entity == code and not _is_nowhere(row)]
        self._forget(code)
        legal_entity = self._context.policy.legal_entities.get(code)
        if legal_entity is not None and legal_entity.mode(Flow.CUSTOMERS) is not Mode.LIVE:
            for row in rows:
                self._stay_silent(code, legal_entity, row.system)
                if row.external_id is not None:
                    self._remarks.append(
                        f"{row.system} does not hold {row.external_id} of {code}: hold it there by hand"
                    )
            return
        left = []
        for row in rows:
            tax_code = self._state.tax_codes.get(code) or row.tax_code
            if self._state.profile is None or tax_code is None:
                left.append(row)
            else:
                self._put(self._state.profile, code, row.system, tax_code)
        if left:
            self._failed[code] = _not_held(self._state, code, left)

    def _put(self, profile: Upserted, code: str, system: str, tax_code: str) -> None:
        """Ask one system."""
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
        row = self._records.get((code, system)) or ErpRecord(legal_entity=code, system=system)
        puts, trail = row.puts + 1, digest_after(row.trail, body)
        line = f"{code}.{puts}.{trail}"
        self._requests.append(Request(system, OPERATION, line, body))
        asked = {"line": line, "tax_code": tax_code, "puts": puts, "trail": trail, "failure": None}
        self._records[code, system] = row.model_copy(update=asked)

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
        if legal_entity.mode(Flow.CUSTOMERS) is Mode.OFF:
            self._remarks.append(f"{code} runs no customers: nothing is sent for it")
            return
        self._remarks.append(f"shadow: would ask {system} for {OPERATION} of {code}")

    def _forget(self, code: str) -> None:
        """What has failed there is over."""
        self._stopped.pop(code, None)
        for key, row in self._records.items():
            if row.legal_entity == code:
                self._records[key] = row.model_copy(update={"failure": None})

    def _fail(self, code: str, failure: Failure) -> None:
        """What is under way for it does not count any more: this state is another one."""
        self._failed[code] = failure
        for key, row in self._records.items():
            if row.legal_entity == code:
                self._records[key] = row.model_copy(update={"line": None})


def _not_held(state: Customer, code: str, rows: Sequence[ErpRecord]) -> Failure:
    """Records that cannot be put on hold, because nobody knows what to send: a person holds them."""
    named = " and as ".join(f"{row.external_id or 'nobody knows which'} in {row.system}" for row in rows)
    missing = "nobody has sent it" if state.profile is None else "no tax code is known for it"
    reason = (
        f"{code} has the customer as {named}, which cannot be asked to hold it, since {missing}: hold it there by "
        "hand, and resolve this"
    )
    return Failure(FailureClass.BUSINESS_RULE, NOT_HELD, reason, "tax_profile")


def _is_nowhere(row: ErpRecord) -> bool:
    """Whether a system was asked, and has refused it from the start: nothing is there, or on its way."""
    is_there_unnamed = row.failure is not None and row.failure.code == ID_MISSING
    return row.is_nowhere and not is_there_unnamed


def _routed(asker: Asker, context: Context) -> Asker:
    """With the system that it means, which stays the same whatever the policy says later."""
    legal_entity = context.policy.legal_entities.get(asker.legal_entity)
    if asker.system is not None or legal_entity is None:
        return asker
    return asker.model_copy(update={"system": legal_entity.route(OPERATION, asker.on)})


def _tax_code(state: Customer, code: str, legal_entity: LegalEntity | None) -> str | Failure:
    """The ERP's own tax code for the customer, or why there is none."""
    if legal_entity is None:
        return _unmapped(UNLISTED, f"legal entity {code}", "legal_entities")
    tax_profile = state.tax_profile(code)
    if tax_profile is None:
        reason = f"the customer has no tax profile for {code}: set it where customers are kept; it goes on by itself"
        return Failure(FailureClass.MAPPING, "tax_profile_missing", reason, "tax_profile")
    return legal_entity.tax_codes.get(tax_profile) or _unmapped(
        "tax_profile_unmapped", f"tax profile {tax_profile} of {code}", "tax_profile"
    )


def _unmapped(cause: str, name: str, field: str) -> Failure:
    return Failure(FailureClass.MAPPING, cause, f"add {name} to the policy file, then retry", field)
