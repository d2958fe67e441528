"""The edges: ports in our words, and one folder per outside system that implements them."""
