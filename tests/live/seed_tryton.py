"""What a Tryton database needs before the gateway can work with it: `seed_tryton.py ROLE DATABASE OUT`.

ROLE is `erp` or `crm`. Runs in the environment of Tryton, on a database whose modules are active, in one process with
the server's code; TRYTOND_CONFIG names its configuration. Writes the ids that it made, as JSON, to OUT.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences

LEGAL_ENTITIES: Final = {
    "US01": ("Northwind Consulting Inc", "USD"),
    "DE01": ("Northwind Beratung GmbH", "EUR"),
}
"""Code of the company's party: its name, and its currency. Both systems have a company for each."""

CONSULTANTS: Final = {"ann": "Ann Fields", "ben": "Ben Okoro"}
ROLES: Final = {"consultant": Decimal(150), "architect": Decimal(210)}
"""Code of a product of the CRM, sold by the hour, and its list price."""

USERS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "erp": {
        "gateway": (
            "account.group_account",
            "account_payment.group_payment",
            "project.group_project_admin",
            "project_invoice.group_project_invoice",
            "timesheet.group_timesheet_admin",
        ),
        "accountant": (
            "account.group_account",
            "project.group_project_admin",
            "project_invoice.group_project_invoice",
            "timesheet.group_timesheet_admin",
        ),
        "limited": (),
    },
    "crm": {
        "gateway": ("sale.group_sale", "sale_opportunity.group_opportunity"),
        "seller": ("sale.group_sale", "sale_opportunity.group_opportunity"),
    },
}
"""Groups of each user, by their XML ids. The password of a user is the login and `-Secret-1`."""

Record = Any


def main() -> None:
    """Seed one database."""
    role, database, out = sys.argv[1:]
    session = config.set_trytond(database, user="admin", config_file=os.environ["TRYTOND_CONFIG"])
    for item in Model.get("ir.module.config_wizard.item").find([("state", "=", "open")]):
        item.state = "done"
        item.save()
    made: dict[str, Any] = {"companies": {}}
    term = _payment_term()
    hour = _named("product.uom", "Hour")
    category = Model.get("product.category")(name="Services", accounting=True)
    category.save()
    for code, (name, currency) in LEGAL_ENTITIES.items():
        company = _company(code, name, _currency(currency))
        _enter(session, company)
        made["companies"][code] = _books(company, category.id)
    companies = list(Model.get("company.company").find([]))
    if role == "erp":
        hours = {"CONSULTING": _product("Consulting hour", "CONSULTING", hour, category)}
    else:
        hours = {code: _product(code.capitalize(), code, hour, category) for code in ROLES}
        _sell_without_invoices(session, companies)
    for company in companies:
        _enter(session, company)
        _price(hours)
        _employ(company, made["companies"][company.party.code])
    for login, groups in USERS[role].items():
        _user(login, groups, companies)
    made |= {
        "payment_term": term.id,
        "hour": hour.id,
        "products": {name: product.id for name, product in hours.items()},
    }
    Path(out).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _currency(code: str) -> Record:
    names = {"USD": ("US Dollar", "$", Decimal(1)), "EUR": ("Euro", "€", Decimal("0.9"))}
    name, symbol, rate = names[code]
    currency = Model.get("currency.currency")(name=name, symbol=symbol, code=code, digits=2, rounding=Decimal("0.01"))
    dated = currency.rates.new()
    dated.date, dated.rate = _new_year(), rate  # a currency without a rate cannot be converted
    currency.save()
    return currency


def _company(code: str, name: str, currency: Record) -> Record:
    party = Model.get("party.party")(name=name, code=code)
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party, wizard.form.currency = party, currency
    wizard.execute("add")
    (company,) = Model.get("company.company").find([("party", "=", party.id)])
    return company


def _enter(session: Any, company: Record) -> None:
    """Work in `company` from now on: its accounts, tax rules, and sequences are kept per company."""
    users = Model.get("res.user")
    (admin,) = users.find([("login", "=", "admin")])
    if company not in admin.companies:
        admin.companies.append(company)
    admin.company = company
    admin.save()
    session._context = users.get_preferences(True, {})  # noqa: FBT003 - as Tryton's own tools do


def _books(company: Record, category_id: int) -> dict[str, int]:
    """Chart, fiscal year with its sequences, tax and its rules, and a way to be paid: without them nothing posts."""
    create_chart(company=company)
    year = _new_year()
    fiscal = create_fiscalyear(company, (year, year.replace(month=12, day=31)))
    # That helper stretches a year that ends within six months of today.
    fiscal.start_date, fiscal.end_date = year, year.replace(month=12, day=31)
    fiscal = set_fiscalyear_invoice_sequences(fiscal)
    fiscal.save()
    fiscal.click("create_period")
    accounts = get_accounts(company)
    tax = create_tax(Decimal("0.10"), company=company)
    tax.save()
    # A record keeps the context it was read in, so what differs by company is written through a record read anew.
    category = Model.get("product.category")(category_id)
    category.account_revenue, category.account_expense = accounts["revenue"], accounts["expense"]
    category.customer_taxes.append(Model.get("account.tax")(tax.id))
    category.save()
    rules = Model.get("account.tax.rule")
    standard = rules(name="Standard", kind="sale", company=company)
    standard.save()
    exempt = rules(name="Exempt", kind="sale", company=company)
    exempt.lines.new()  # a line without a tax takes the tax away
    exempt.save()
    (journal,) = Model.get("account.journal").find([("type", "=", "cash")], limit=1)
    method = Model.get("account.invoice.payment.method")(name="Bank", company=company, journal=journal)
    method.credit_account = method.debit_account = accounts["cash"]
    method.save()
    (revenue,) = Model.get("account.journal").find([("type", "=", "revenue")], limit=1)
    return {
        "id": company.id,
        "currency": company.currency.id,
        "tax": tax.id,
        "tax_rule_standard": standard.id,
        "tax_rule_exempt": exempt.id,
        "account_revenue": accounts["revenue"].id,
        "account_receivable": accounts["receivable"].id,
        "fiscal_year": fiscal.id,
        "journal_revenue": revenue.id,
        "payment_method": method.id,
    }


def _payment_term() -> Record:
    term = Model.get("account.invoice.payment_term")(name="30 days")
    line = term.lines.new(type="remainder")
    line.relativedeltas.new(days=30)
    term.save()
    return term


def _product(name: str, code: str, hour: Record, category: Record) -> Record:
    template = Model.get("product.template")(name=name, code=code, type="service", default_uom=hour)
    template.salable = True
    template.account_category = category
    template.save()
    return template.products[0]


def _price(products: dict[str, Record]) -> None:
    for code, product in products.items():
        template = Model.get("product.template")(product.template.id)
        template.list_price = ROLES.get(code, ROLES["consultant"])
        template.save()


def _sell_without_invoices(session: Any, companies: list[Record]) -> None:
    """The ERP bills: a sale that is confirmed in the CRM must not make an invoice there."""
    for company in companies:
        _enter(session, company)
        settings = Model.get("sale.configuration")(1)
        settings.sale_invoice_method = "manual"
        settings.sale_shipment_method = "manual"
        settings.save()


def _employ(company: Record, made: dict[str, Any]) -> None:
    parties, employees = Model.get("party.party"), Model.get("company.employee")
    made["employees"] = {}
    for code, name in CONSULTANTS.items():
        (party,) = parties.find([("code", "=", code)]) or [parties(name=name, code=code)]
        party.save()
        employee = employees(party=party, company=company)
        employee.save()
        made["employees"][code] = employee.id


def _user(login: str, groups: tuple[str, ...], companies: list[Record]) -> None:
    ids = Model.get("ir.model.data")
    user = Model.get("res.user")(name=login.capitalize(), login=login, password=f"{login}-Secret-1")
    for company in companies:
        user.companies.append(Model.get("company.company")(company.id))
    # "one" would hide every company but the user's own, whatever the context of a call says.
    user.company, user.company_filter = Model.get("company.company")(companies[0].id), "all"
    for group in groups:
        user.groups.append(Model.get("res.group")(ids.get_id(group, {})))
    user.save()


def _named(model: str, name: str) -> Record:
    (record,) = Model.get(model).find([("name", "=", name)])
    return record


def _new_year() -> date:
    return date.today().replace(month=1, day=1)  # noqa: DTZ011 - the server's day, as Tryton takes it


if __name__ == "__main__":
    main()
