"""What directories of customers' names are told: one module per schema version."""
