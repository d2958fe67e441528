"""Events about projects, from the won opportunity on: one module per schema version."""
