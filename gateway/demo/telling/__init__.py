"""How the firm is told: the events of its sources, in which order, and what goes wrong with them on purpose. Pure."""
