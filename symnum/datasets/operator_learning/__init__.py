"""Pairs of inputs and solutions, from which neural operators learn; what is public here is in ``sn.datasets``."""
