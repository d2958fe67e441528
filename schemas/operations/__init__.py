"""The canonical bodies of commands, which each system's adapter maps to the words of that system."""
