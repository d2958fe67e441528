"""Events about contracts and what amends them: one module per schema version."""
