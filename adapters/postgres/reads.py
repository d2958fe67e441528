"""What the API shows, read from PostgreSQL."""
