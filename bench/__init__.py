"""Throughput of the gateway beside what a user would write today: same input, same servers, rounds in turn."""
