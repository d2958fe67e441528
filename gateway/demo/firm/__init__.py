"""The example firm: what it is, from a seed, and what its books must show. Pure; it knows nothing of the gateway."""
