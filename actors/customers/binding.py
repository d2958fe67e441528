"""A system has the customer already, as a person says who imports ids: that record is kept, and no other is made."""

from __future__ import annotations

from dataclasses import replace

from actors.customers.outcome import concluded, with_record
from actors.customers.puts import bring
from actors.decision import Accept, Context, Decision, Ignore
from schemas.bound import Bound
from schemas.customer.entity import Customer, ErpRecord
from schemas.facts import Claim, Notice
from schemas.keys import EXTERNAL, external_key


def bound(state: Customer, told: Bound, context: Context) -> Decision:
    """The id means this customer; for a legal entity it is also what its ERP has. Nothing is sent because of it."""
    system, id_, code = told.system, told.external_id, told.legal_entity
    external = external_key(system, "customer", id_)
    holder = context.taken.get(Claim(EXTERNAL, external.id))
    if holder is not None:
        return Ignore(f"{id_} of {system} means {holder}")
    if state.merged_into is not None:
        return Ignore(f"the customer was merged into {state.merged_into}: import the id for that one")
    if code is None:
        accept = Accept(state)
    else:
        row = state.record(code, system) or ErpRecord(legal_entity=code, system=system)
        if row.external_id is not None:
            already = " already" if row.external_id == id_ else ""
            return Ignore(f"{system} has the customer as {row.external_id} for {code}{already}")
        if row.line is not None:
            return Ignore(f"{system} is asked to make the customer for {code}: look what comes of that first")
        mended = with_record(state, row.model_copy(update={"external_id": id_, "failure": None}))
        accept = concluded(state, bring(mended, context, (code,), anew=False), context)
    return replace(accept, binds=(external,), notices=(Notice("linked", {"system": system, "external_id": id_}),))
