"""An accountant's work in the ERP: invoices from the time on a project, posted, paid, and credited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.live.made import TrytonMade
from tests.live.rpc import Rpc, RpcFailed


@dataclass(frozen=True, slots=True)
class Accountant:
    """Somebody who bills in one company of the ERP. Invoices are named by Tryton's numbers of their records."""

    erp: Rpc
    made: TrytonMade
    legal_entity: str

    async def bill(self, project: int) -> int:
        """Invoice the time on a project, and post that."""
        before = set(await self._search([]))
        await self._call("model.project.work.invoice", [project])
        [invoice] = set(await self._search([])) - before
        await self._call("model.account.invoice.post", [invoice])
        return invoice

    async def pay(self, invoice: int, amount: Decimal) -> None:
        """Register money that came, and reconcile it where it is all that was open."""
        method = self.made.companies[self.legal_entity].payment_method
        paying = {"amount": amount, "date": _today(), "payment_method": method, "description": "Transfer"}
        await self._wizard("account.invoice.pay", "choice", invoice, paying)

    async def credit(self, invoice: int) -> None:
        """Credit all of an unpaid invoice, which cancels it."""
        crediting = {"with_refund": True, "with_refund_allowed": True, "invoice_date": _today()}
        await self._wizard("account.invoice.credit", "credit", invoice, crediting)

    async def credit_line(self, invoice: int, description: str) -> None:
        """Credit one line of an invoice that is paid in part, and count the note among its payments."""
        crediting = {"with_refund": False, "with_refund_allowed": True, "invoice_date": _today()}
        before = set(await self._search([]))
        await self._wizard("account.invoice.credit", "credit", invoice, crediting)
        [note] = set(await self._search([])) - before
        others = [["invoice", "=", note], ["description", "!=", description]]
        lines = await self._call("model.account.invoice.line.search", others, 0, None, None)
        await self._call("model.account.invoice.line.delete", lines)
        await self._call("model.account.invoice.write", [note], {"description": "Not as agreed"})
        await self._call("model.account.invoice.post", [note])
        [credited] = await self._call("model.account.invoice.read", [note], ["lines_to_pay"])
        paid_by = {"payment_lines": [["add", credited["lines_to_pay"]]]}
        await self._call("model.account.invoice.write", [invoice], paid_by)

    async def cancel_payment(self, invoice: int) -> None:
        """Take the last payment back, as when a debit is returned."""
        origin = [["origin", "=", f"account.invoice,{invoice}"], ["journal.type", "=", "cash"]]
        [*_, move] = await self._call("model.account.move.search", origin, 0, None, [["id", "ASC"]])
        cancelling = {"description": "Returned", "reversal": False}
        await self._wizard("account.move.cancel", "cancel", move, cancelling, model="account.move")

    async def read(self, invoice: int) -> dict[str, Any]:
        """What Tryton itself says of an invoice."""
        fields = ["number", "state", "total_amount", "amount_to_pay"]
        [found] = await self._call("model.account.invoice.read", [invoice], fields)
        return dict(found)

    async def _search(self, domain: list[object]) -> list[int]:
        found = await self._call("model.account.invoice.search", domain, 0, None, None)
        return [int(number) for number in found]

    async def _wizard(
        self, wizard: str, step: str, record: int, answers: Mapping[str, object], *, model: str = "account.invoice"
    ) -> None:
        """Answer the first form of a wizard, take one step, and agree to what it asks then."""
        context = {"active_model": model, "active_id": record, "active_ids": [record]}
        session, form, *_ = await self._call(f"wizard.{wizard}.create", **context)
        shown = await self._call(f"wizard.{wizard}.execute", session, {}, form, **context)
        forms = {form: {**_defaults(shown), **answers}}
        shown = await self._call(f"wizard.{wizard}.execute", session, forms, step, **context)
        while shown and "view" in shown:
            view = shown["view"]
            forms[view["state"]] = _defaults(shown)
            [agreed] = [button["state"] for button in view["buttons"] if button["default"]]
            shown = await self._call(f"wizard.{wizard}.execute", session, forms, agreed, **context)

    async def _call(self, method: str, *params: Any, **context: Any) -> Any:
        """A call in the company; what Tryton warns of is agreed to."""
        context["company"] = self.made.companies[self.legal_entity].id
        try:
            return await self.erp.call(method, *params, **context)
        except RpcFailed as failed:
            match failed.error:
                case ["UserWarning", [str(warning), *_]]:
                    await self.erp.call("model.res.user.warning.skip", warning, False)  # noqa: FBT003 - Tryton's order
                    return await self.erp.call(method, *params, **context)
                case _:
                    raise


def _today() -> date:
    return date.today()  # noqa: DTZ011 - in the open period, as the server takes it


def _defaults(shown: Any) -> dict[str, object]:
    """What a form holds when it opens."""
    return {name: value for name, value in shown["view"]["defaults"].items() if not name.endswith(".")}
