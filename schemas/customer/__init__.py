"""Events about customers: one module per schema version."""
