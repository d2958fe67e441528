"""The contracts: keys, envelope, events, commands, results, and the closed sets that every layer shares."""
