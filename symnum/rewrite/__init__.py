"""Rewriting terms into cheaper terms of equal value."""
