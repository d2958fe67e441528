"""Key sets of those who sign tokens: in a file, or behind an https URL."""
