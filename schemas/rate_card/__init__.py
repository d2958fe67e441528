"""Events about rate cards: one module per schema version."""
