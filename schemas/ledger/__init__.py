"""Events about the ledger: one module per schema version."""
