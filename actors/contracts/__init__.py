"""How contracts change: in order of version, by those who may, and told to whoever bills and works by them."""
