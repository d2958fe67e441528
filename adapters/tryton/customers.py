"""Customers in Tryton: parties, whose `code` is our id and unique in the database."""

from __future__ import annotations

from typing import Final

from adapters.ports.system import Absent, Capability, Upsert
from adapters.tryton.client import Client
from adapters.tryton.companies import Companies, Company, mapping_missing, refused
from adapters.tryton.failures import Failed
from adapters.tryton.mapping import PARTY_FIELDS, CustomerWords, Values, party_changes, party_values
from adapters.tryton.rows import Row
from schemas.commands import Command, Confirmed, Outcome, Rejected
from schemas.operations.customer import CustomerPut

LATE: Final = 300.0
"""Seconds within which a call can still land whose answer we did not get: more than a server lets a request run."""


class Customers:
    """`customer.put`: make the party, or bring it to the state of the body.

    Sending again is safe: a second party with the code is refused by the database, and a write is tied to what was
    read before it, so that one which lands late changes nothing that a later put has written.
    """

    capability = Capability(Upsert.ALTERNATE_KEY, key_window=None, unique_reference=True, look_up=True, late_bound=LATE)

    def __init__(self, client: Client, companies: Companies, identifier_types: dict[str, str]) -> None:
        self._client = client
        self._companies = companies
        self._identifier_types = identifier_types

    async def send(self, command: Command) -> Outcome:
        """One attempt; raises `Failed`."""
        body = CustomerPut.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        words = await self._words(body, company)
        party = await self._party(body, company)
        if party is None:
            try:
                values = party_values(body, words)
                return Confirmed(str(await self._client.create("party.party", values, context=company.context)))
            except Failed as failed:
                if not isinstance(failed.outcome, Rejected):
                    raise
                # Perhaps another had made it a moment before: then it is there now, and we go on.
                party = await self._party(body, company)
                if party is None:
                    raise
        changes = await self._changes(body, words, party, company)
        if changes:
            await self._client.change("party.party", party, changes, context=company.context)
        return Confirmed(str(party.id))

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the party stands in the state of the body; raises `Failed`."""
        body = CustomerPut.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        party = await self._party(body, company)
        if party is None or await self._changes(body, await self._words(body, company), party, company):
            return Absent()
        return Confirmed(str(party.id))

    async def _party(self, body: CustomerPut, company: Company) -> Row | None:
        context = {**company.context, "active_test": False}
        domain: list[object] = [["code", "=", body.customer_id]]
        if body.erp_id is not None:
            domain = [["id", "=", _number(body.erp_id)]]
        found = await self._client.find("party.party", domain, PARTY_FIELDS, context=context)
        if not found and body.erp_id is not None:
            reason = f"there is no party {body.erp_id} in Tryton, which the customer is bound to: settle which counts"
            raise refused("party_unknown", reason, "erp_id")
        if not found:
            return None
        [party] = found
        if party.number("replaced_by") is not None:
            reason = (
                f"party {party.id} was merged into party {party.number('replaced_by')} in Tryton: settle which counts"
            )
            raise refused("party_merged", reason, "customer_id")
        if not party.flag("active"):
            raise refused("party_inactive", f"party {party.id} is inactive in Tryton: activate it, then retry")
        return party

    async def _changes(self, body: CustomerPut, words: CustomerWords, party: Row, company: Company) -> Values:
        domain = [["party", "=", party.id]]
        identifiers = await self._client.find("party.identifier", domain, ["type", "code"], context=company.context)
        return party_changes(body, words, party, identifiers)

    async def _words(self, body: CustomerPut, company: Company) -> CustomerWords:
        tax_rule = await self._named("account.tax.rule", body.tax_code, company, "tax_code")
        term = None
        if body.payment_terms is not None:
            term = await self._named("account.invoice.payment_term", body.payment_terms, None, "payment_terms")
        countries = await self._client.find("country.country", [["code", "=", body.country]], ())
        country = countries[0].id if countries else None
        return CustomerWords(tax_rule, term, country, self._identifier_types.get(body.country))

    async def _named(self, model: str, name: str, company: Company | None, field: str) -> int:
        domain: list[object] = [["name", "=", name]]
        if company is not None:
            domain.append(["company", "=", company.id])
        found = await self._client.find(
            model, domain, (), limit=2, context=None if company is None else company.context
        )
        if len(found) != 1:
            how_many = "no" if not found else "more than one"
            raise mapping_missing(
                f"{field}_unknown", f"Tryton has {how_many} {model} called {name}: correct that", field
            )
        return found[0].id


def _number(erp_id: str) -> int:
    if not (erp_id.isascii() and erp_id.isdigit()):
        raise refused("party_unknown", f"{erp_id} is no party of this Tryton: settle which one is meant", "erp_id")
    return int(erp_id)
