"""The core: pure decisions, one file per entity, and the tables that name them."""
