"""What past messages would do under another policy: the runtime as it ships, over the store in memory."""
