"""Speed of the gateway beside what users write today: same input, same servers, rounds in turn, each one checked."""
