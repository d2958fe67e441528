"""Private PostgreSQL and RabbitMQ servers for demo, tests, and bench: found or started, and gone afterwards."""
