"""The company in whose books a legal entity's commands are carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.tryton.client import Client, Context
from adapters.tryton.failures import Failed
from adapters.tryton.rows import Row, malformed
from schemas.commands import Rejected
from schemas.verdicts import Failure, FailureClass


@dataclass(frozen=True, slots=True)
class Company:
    """A company's number, and the currency that its books are kept in."""

    id: int
    currency: str

    @property
    def context(self) -> Context:
        """What makes a call work in this company."""
        return {"company": self.id}


class Companies:
    """Companies by legal entity, looked up once. `names`: legal entity -> the name of its company's party."""

    def __init__(self, client: Client, names: Mapping[str, str]) -> None:
        self._client = client
        self._names = names
        self._found: dict[str, Company] = {}

    @property
    def legal_entities(self) -> Mapping[str, str]:
        """Legal entity -> the name of its company's party."""
        return self._names

    @property
    def parties(self) -> list[str]:
        """The names of the companies' parties."""
        return sorted(self._names.values())

    def legal_entity(self, row: Row) -> str:
        """The legal entity of a record of one of these companies, read with `company.party.name`."""
        company = row.of("company")
        party = None if company is None else company.of("party")
        name = None if party is None else party.text("name")
        found = [code for code, each in self._names.items() if each == name]
        if not found:
            raise malformed("a record is of another company than was asked for")
        return found[0]

    async def of(self, legal_entity: str) -> Company:
        """The company; raises `Failed` where there is none, or more than one."""
        found = self._found.get(legal_entity)
        if found is None:
            found = self._found[legal_entity] = await self._look_for(legal_entity)
        return found

    async def _look_for(self, legal_entity: str) -> Company:
        name = self._names.get(legal_entity)
        if name is None:
            raise mapping_missing(
                "company_unmapped", f"add legal entity {legal_entity} to `companies` of the system", "legal_entity"
            )
        domain = [["party.name", "=", name]]
        found = await self._client.find("company.company", domain, ["currency.code"], limit=2)
        currency = found[0].of("currency") if len(found) == 1 else None
        if currency is None:
            how_many = "no company" if not found else "more than one company"
            reason = f"Tryton shows our user {how_many} whose party is called {name}: correct `companies`, or the user"
            raise mapping_missing("company_unknown", reason, "legal_entity")
        return Company(found[0].id, currency.text("code") or "")


def mapping_missing(code: str, reason: str, field: str) -> Failed:
    """Something in the firm's words has no counterpart in Tryton; nothing was done."""
    return Failed(Rejected(Failure(FailureClass.MAPPING, code, f"{reason}, then retry", field)))


def refused(code: str, reason: str, field: str | None = None) -> Failed:
    """The command does not fit what stands in Tryton; nothing was done."""
    return Failed(Rejected(Failure(FailureClass.BUSINESS_RULE, code, reason, field)))
