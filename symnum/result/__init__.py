"""What a solve gives back: labelled arrays that interpolate, are drawn, and go to netCDF and come back."""

from __future__ import annotations

from symnum.result.interpolate import FieldValues
from symnum.result.solution import Solution

__all__ = ["FieldValues", "Solution"]
