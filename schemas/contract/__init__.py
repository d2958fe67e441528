"""Events about contracts: one module per schema version."""
