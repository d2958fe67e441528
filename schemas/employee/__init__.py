"""Events about employees: one module per schema version."""
