"""Tracing: a plain NumPy function, run once on recording arrays, becomes a kernel of loops over regions."""
