"""Events about who works on which project: one module per schema version."""
