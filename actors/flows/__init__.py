"""Flows of several steps as data: each step says how it is done, undone, and verified."""
