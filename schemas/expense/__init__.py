"""Events about reports of expenses: one module per schema version."""
