"""The two HTTP listeners: operations (probes and metrics, no token) and the API of the operators."""
