"""Hypothesis draws the same examples in every run; ``SYMNUM_FUZZ=1`` draws new ones."""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True)
settings.register_profile("fuzz", derandomize=False)
settings.load_profile("fuzz" if os.environ.get("SYMNUM_FUZZ") else "steady")
