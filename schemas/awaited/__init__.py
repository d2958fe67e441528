"""What is awaited because something was told of it before it was known: one module per schema version."""
