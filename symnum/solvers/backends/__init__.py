"""One file a backend, found by its name."""
