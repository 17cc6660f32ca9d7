"""Fourier collocation whose products lose the upper third of their waves (the 2/3 rule), so that quadratic terms make no aliases.

S. A. Orszag, On the elimination of aliasing in finite-difference schemes by filtering high-wavenumber components, J.
Atmos. Sci. 28 (1971) 1074. For turbulent or steepening flows that the grid does not resolve; on resolved solutions
``scheme="fourier"`` is more accurate.
"""

from __future__ import annotations

from symnum.discretisation.schemes.fourier import ASSEMBLY, check, stencil

__all__ = ["ASSEMBLY", "DEALIASED", "check", "stencil"]

DEALIASED = True
