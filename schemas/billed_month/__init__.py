"""Events about the months of a contract in which time was billed: one module per schema version."""
