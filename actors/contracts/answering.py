"""What systems answer to a contract's commands; a refusal keeps the terms and asks a person."""

from __future__ import annotations

from typing import assert_never

from actors.contracts.ending import taken_back
from actors.contracts.telling import tell_billing, with_amendment
from actors.decision import Accept, Context, Decision, Ignore, Reject
from actors.lines import name_of, number_of
from schemas.acts import Act
from schemas.commands import Confirmed, Rejected, Result
from schemas.contract.entity import Amendment, Contract
from schemas.facts import Case
from schemas.keys import external_key
from schemas.verdicts import Failure


def answered(contract: Contract, result: Result, context: Context) -> Decision:
    """What an answer means; of other systems than the billing system it changes nothing, or is a person's case."""
    if result.command.operation != "contract.put":
        match result.outcome:
            case Confirmed():
                return Ignore(f"{result.command.system} has done it")
            case Rejected(failure):
                return Reject(failure)
            case _:
                assert_never(result.outcome)
    amendment = contract.history[int(name_of(result.command.line)) - 1]
    match result.outcome:
        case Confirmed(external_id):
            if contract.status == "withdrawn":
                return taken_back(contract, result.command.system, external_id, context)
            if any(each.kind == "contract" for each in contract.history[amendment.number :]):
                return _overtaken(contract, result.command.system, external_id, context)
            return _confirmed(contract, amendment, result, external_id)
        case Rejected(failure):
            if contract.status == "withdrawn":
                return Ignore(f"the contract is withdrawn, so {result.command.system} need not have it")
            return _refused(contract, amendment, result, failure)
        case _:
            assert_never(result.outcome)


def _confirmed(contract: Contract, amendment: Amendment, result: Result, external_id: str | None) -> Decision:
    """The billing system has all terms up to an amendment, so also those that it refused before."""
    settles: list[str] = []
    for each in contract.history[: amendment.number]:
        if each.billing in {"asked", "refused"} and each.status == "applied":
            contract = with_amendment(contract, each.model_copy(update={"billing": "done"}))
            if each.billing == "refused":
                settles.append(each.topic)
    if external_id is None or external_id == contract.billing_id:
        return Accept(contract, settles=tuple(settles))
    return Accept(
        contract.model_copy(update={"billing_id": external_id}),
        binds=(external_key(result.command.system, "contract", external_id),),
        settles=tuple(settles),
    )


def _overtaken(contract: Contract, system: str, external_id: str | None, context: Context) -> Decision:
    """A system took terms of a deal that was cancelled, after another deal was won under the contract."""
    if system != contract.billing:
        return taken_back(contract, system, external_id, context)
    asked, requests = tell_billing(contract, context.key)
    remark = f"{system} took terms of a deal that was cancelled: it is sent those in force"
    return Accept(asked, requests, settles=tuple(each.topic for each in contract.unbilled), remarks=(remark,))


def _refused(contract: Contract, amendment: Amendment, result: Result, failure: Failure) -> Decision:
    """The terms stand as they are; each step that the billing system lacks now is a person's to settle."""
    if number_of(result.command.line) < contract.last_put:
        return Ignore(f"{result.command.system} was sent newer terms since, which carry these too")
    cases: list[Case] = []
    for each in contract.history[: amendment.number]:
        if each.billing == "asked" and each.status == "applied":
            contract = with_amendment(contract, each.model_copy(update={"billing": "refused"}))
            cases.append(_case(contract, each, failure))
    if not cases:
        return Ignore(f"{result.command.system} refuses terms that are not in force any more")
    return Accept(contract, cases=tuple(cases))


def _case(contract: Contract, amendment: Amendment, failure: Failure) -> Case:
    acts = (Act.RETRY, Act.RESOLVE, *((Act.CANCEL,) if amendment.kind == "change_order" else ()))
    value = amendment.value
    money = {} if value is None or contract.currency is None else {contract.currency: abs(value)}
    return Case(failure, amendment.topic, acts, money=money)
