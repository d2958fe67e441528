"""The shell: the running process with its consumers, actors, relay, HTTP listeners, and command line."""
