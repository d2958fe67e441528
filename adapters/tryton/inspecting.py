"""What a Tryton is, and whether our user may do there what the gateway needs; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from adapters.ports.inspection import Inspection, NotInspected, Right
from adapters.tryton.client import Client
from adapters.tryton.companies import Companies
from adapters.tryton.failures import Failed
from schemas.verdicts import FailureClass

SERIES: Final = "8.0"

NEEDS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "customer.put": (
        ("party.party", "create"), ("party.party", "write"), ("party.identifier", "create"),
        ("account.tax.rule", "read"), ("account.invoice.payment_term", "read"), ("country.country", "read"),
    ),
    "project.create": (("project.work", "create"), ("product.product", "read")),
    "project.cancel": (
        ("project.work", "write"), ("project.work.status", "read"), ("timesheet.work", "delete"),
        ("timesheet.line", "read"),
    ),
    "billable.post": (
        ("timesheet.line", "create"), ("timesheet.line", "read"), ("project.work", "read"),
        ("company.employee", "read"), ("account.invoice.line", "read"),
    ),
    "billable.reverse": (("timesheet.line", "write"),),
    "project.link": (("sale.opportunity", "write"),),
    "opportunities": (
        ("sale.opportunity", "read"), ("sale.sale", "read"), ("sale.line", "read"), ("party.party", "read"),
    ),
    "invoices": (
        ("account.invoice", "read"), ("account.invoice.line", "read"), ("account.move", "read"),
        ("account.move.line", "read"), ("account.journal", "read"), ("timesheet.line", "read"),
        ("project.work", "read"),
    ),
}  # fmt: skip
"""What is asked of it -> models and what our user must be able to do with them."""


async def inspect(client: Client, companies: Companies, user: str, asked: Iterable[str]) -> Inspection:
    """Ask; raises `NotInspected`."""
    needs = [need for name in asked for need in NEEDS[name]]
    try:
        version = await client.version()
        models = sorted({model for model, _ in needs})
        access = await client.ask("model.ir.model.access.get_access", models)
    except Failed as failed:
        raise NotInspected(failed.outcome.failure.reason, _change(failed)) from failed
    rights = [
        Right(f"Tryton {SERIES}", None if version == SERIES else f"it is {version}: this adapter is for {SERIES}")
    ]
    rights += [_right(model, verb, access) for model, verb in dict.fromkeys(needs)]
    for legal_entity in companies.legal_entities:
        try:
            await companies.of(legal_entity)
        except Failed as failed:
            rights.append(Right(f"company of {legal_entity}", failed.outcome.failure.reason))
        else:
            rights.append(Right(f"company of {legal_entity}"))
    return Inspection(version, f"{user}, user {client.user_number}", client.clock, tuple(rights), {})


def _right(model: str, verb: str, access: object) -> Right:
    name = f"{verb} {model}"
    match access:
        case dict() if isinstance(found := access.get(model), dict) and found.get(verb):
            return Right(name)
        case _:
            return Right(name, f"give our user a group in Tryton that may {name}")


def _change(failed: Failed) -> str:
    """What to change, as far as the failure tells."""
    match failed.outcome.failure.failure_class:
        case FailureClass.AUTH:
            return "correct `user`, its password, or `database`"
        case FailureClass.UNAVAILABLE | FailureClass.TIMEOUT:
            return "start it, or correct `url`"
        case _:
            return "see whether it is a Tryton of series 8.0"
