"""Warnings that point at the user's line."""

from __future__ import annotations

import sys
import warnings

from symnum.errors import ModelWarning


def warn(message: str) -> None:
    """A ModelWarning at the first frame outside this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("symnum."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, ModelWarning, stacklevel=level)
