"""Events about sheets of working time: one module per schema version."""
