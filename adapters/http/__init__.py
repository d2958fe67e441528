"""Plain HTTP+JSON systems: bearer token, Idempotency-Key, problem+json, look-up by reference."""
