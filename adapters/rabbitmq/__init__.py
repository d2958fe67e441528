"""RabbitMQ: consuming, publishing, and topology over AMQP 0-9-1, each on a connection of its own."""
