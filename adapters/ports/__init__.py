"""Ports: what the gateway needs of the outside, as Protocols of a few verbs, in our words."""
