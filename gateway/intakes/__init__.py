"""Messages that are no CloudEvents, and what the policy file makes of them."""
