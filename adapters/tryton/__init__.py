"""Tryton, as ERP and as CRM, over its JSON-RPC protocol."""
