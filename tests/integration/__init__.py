"""Whole processes on real servers: RabbitMQ in, PostgreSQL between, sandbox systems out."""
