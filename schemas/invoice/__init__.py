"""Events about invoices: one module per schema version."""
