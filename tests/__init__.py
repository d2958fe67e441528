"""The tests: they mirror the packages, and need nothing but `make test`."""
