"""One file per entity: its state, and how it decides."""
