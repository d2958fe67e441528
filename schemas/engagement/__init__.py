"""What engagements are told: one module per schema version."""
