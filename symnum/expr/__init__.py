"""Terms: immutable, hash-consed expressions, and what can be done with them."""
