"""Reconciliation: what we hold to stand in a system beside what the system says, and repair of what differs."""
