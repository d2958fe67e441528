"""The demo: a firm's quarter on real parts, reconciled to the cent with the systems' own journals."""
