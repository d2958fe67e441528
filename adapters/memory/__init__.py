"""In-process broker and store: real and small, for the demo, for tests, and for the simulation."""
