"""Engines that propose cheaper forms of terms: one file an engine, ``propose(request) -> Proposal``."""
