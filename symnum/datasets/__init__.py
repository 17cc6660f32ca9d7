"""Data sets of solutions and equations, public as ``sn.datasets``."""

from __future__ import annotations

from typing import TYPE_CHECKING

_HOMES = {
    "generation": "prose records Recipe Written",
    "prose_families": "ODE15 Family",
    "prose_pde_families": "PDE16 PdeFamily",
    "corruption": "corrupted noisy skeleton",
    "operator_learning.sets": "operator_pairs darcy_flow burgers",
    "operator_learning.random_fields": "GaussianField",
    "operator_learning.inputs": "Uniform SineWaves Bumps",
    "operator_learning.elliptic": "DiffusionSolver",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = list(_PUBLIC)

if TYPE_CHECKING:
    from symnum.datasets.corruption import corrupted as corrupted
    from symnum.datasets.corruption import noisy as noisy
    from symnum.datasets.corruption import skeleton as skeleton
    from symnum.datasets.generation import Recipe as Recipe
    from symnum.datasets.generation import Written as Written
    from symnum.datasets.generation import prose as prose
    from symnum.datasets.generation import records as records
    from symnum.datasets.operator_learning.elliptic import DiffusionSolver as DiffusionSolver
    from symnum.datasets.operator_learning.inputs import Bumps as Bumps
    from symnum.datasets.operator_learning.inputs import SineWaves as SineWaves
    from symnum.datasets.operator_learning.inputs import Uniform as Uniform
    from symnum.datasets.operator_learning.random_fields import GaussianField as GaussianField
    from symnum.datasets.operator_learning.sets import burgers as burgers
    from symnum.datasets.operator_learning.sets import darcy_flow as darcy_flow
    from symnum.datasets.operator_learning.sets import operator_pairs as operator_pairs
    from symnum.datasets.prose_families import ODE15 as ODE15
    from symnum.datasets.prose_families import Family as Family
    from symnum.datasets.prose_pde_families import PDE16 as PDE16
    from symnum.datasets.prose_pde_families import PdeFamily as PdeFamily


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"symnum.datasets has no {name!r}; it has {', '.join(_PUBLIC)}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"symnum.datasets.{_PUBLIC[name]}"), name)
    return value
