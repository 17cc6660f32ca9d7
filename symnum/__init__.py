"""symnum: write a differential equation as mathematics, get its solution.

>>> import symnum as sn
>>> t, x = sn.coordinates("t x")
>>> u = sn.field("u", (t, x))

``import symnum`` loads nothing but this file. A public name is looked up in the table below and its module imported
when the name is first used (PEP 562), so that a script pays for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each public name lives. A name that differs from the one in its module is written public=original.
# The imports below, for type checkers and editors, say the same; tests/test_imports.py compares the two.
_HOMES = {
    "symnum.expr.build": """symbol rational pi exp log sqrt sin cos tan sinh cosh tanh sech asin acos atan asinh acosh
                            atanh atan2 erf sign floor ceil minimum maximum where equal heaviside""",
    "symnum.expr.calculus": "diff substitute",
    "symnum.expr.integral": "integral",
    "symnum.expr.sympy": "from_sympy",
    "symnum.model.space": "coordinates Domain lower upper",
    "symnum.model.field": "field fields parameter parameters",
    "symnum.model.vector": "vector_field dt grad div curl laplacian",
    "symnum.model.conditions": "condition dirichlet neumann robin periodic antiperiodic",
    "symnum.model.system": "Eq PDESystem ODESystem DAESystem",
    "symnum.model.sde": "SDESystem",
    "symnum.model.event": "Event",
    "symnum.model.reactions": "ReactionNetwork Reaction",
    "symnum.model.toml": "load",
    "symnum.rewrite.simplify": "simplify",
    "symnum.rewrite.derivatives": "jacobian sparse_jacobian hessian",
    "symnum.codegen.operator_costs": "measured_costs",
    "symnum.functions": "build_function",
    "symnum.kernels.make": "kernel",
    "symnum.traced.function": "trace",
    "symnum.discretisation.grid": "Grid",
    "symnum.pipeline": "solve discretise generate",
    "symnum.exchange": "export read",
    "symnum.stepwise": "integrator",
    "symnum.equilibrium": "steady",
    "symnum.sweeping": "sweep",
    "symnum.neural.parameter_fit": "fit ParameterFit",
    "symnum.result": "Solution",
    "symnum.errors": """SymnumError TermError ModelError ParseError DiscretisationError TargetError TraceError SolveError FileError
                        BackendUnavailable UnknownName UnknownOption ModelWarning SolveWarning TargetWarning""",
}

_PUBLIC = {  # public name -> (module, name there)
    public: (module, original or public)
    for module, names in _HOMES.items()
    for public, _, original in (name.partition("=") for name in names.split())
}

_SUBPACKAGES = ("neural", "datasets", "pictures")  # public as they are: sn.neural.NeuralODE

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use and keep the value."""
    if name not in _PUBLIC and name not in _SUBPACKAGES:
        raise AttributeError(_unknown(name))
    from importlib import import_module

    if name in _SUBPACKAGES:
        return import_module(f"symnum.{name}")
    module, original = _PUBLIC[name]
    value = globals()[name] = getattr(import_module(module), original)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC, *_SUBPACKAGES})


def _unknown(name: str) -> str:
    if name.startswith("__"):  # asked by tools, not by people
        return f"module 'symnum' has no attribute {name!r}"
    from symnum.errors import did_you_mean

    if name in ("D", "Derivative") or (name.startswith("d") and not name[1:].strip("txyz")):  # dx, dxx, d
        return f"symnum has no name {name!r}. Derivatives are sn.dt(u), sn.diff(u, x), sn.diff(u, x, 2), sn.laplacian(u)."
    return f"symnum has no name {name!r}.{did_you_mean(name, (*_PUBLIC, *_SUBPACKAGES)) or ' dir(symnum) lists all names.'}"


if TYPE_CHECKING:  # `as` marks a name as exported
    from symnum.expr.build import (
        symbol as symbol,
        rational as rational,
        pi as pi,
        exp as exp,
        log as log,
        sqrt as sqrt,
        sin as sin,
        cos as cos,
        tan as tan,
        sinh as sinh,
        cosh as cosh,
        tanh as tanh,
        sech as sech,
        asin as asin,
        acos as acos,
        atan as atan,
        asinh as asinh,
        acosh as acosh,
        atanh as atanh,
        atan2 as atan2,
        erf as erf,
        sign as sign,
        floor as floor,
        ceil as ceil,
        minimum as minimum,
        maximum as maximum,
        where as where,
        equal as equal,
        heaviside as heaviside,
    )
    from symnum.expr.calculus import diff as diff, substitute as substitute
    from symnum.expr.integral import integral as integral
    from symnum.expr.sympy import from_sympy as from_sympy
    from symnum.model.space import coordinates as coordinates, Domain as Domain, lower as lower, upper as upper
    from symnum.model.field import field as field, fields as fields, parameter as parameter, parameters as parameters
    from symnum.model.vector import (
        vector_field as vector_field,
        dt as dt,
        grad as grad,
        div as div,
        curl as curl,
        laplacian as laplacian,
    )
    from symnum.model.conditions import (
        condition as condition,
        dirichlet as dirichlet,
        neumann as neumann,
        robin as robin,
        periodic as periodic,
        antiperiodic as antiperiodic,
    )
    from symnum.model.system import (
        Eq as Eq,
        PDESystem as PDESystem,
        ODESystem as ODESystem,
        DAESystem as DAESystem,
    )
    from symnum.model.sde import SDESystem as SDESystem
    from symnum.model.event import Event as Event
    from symnum.model.reactions import ReactionNetwork as ReactionNetwork, Reaction as Reaction
    from symnum.model.toml import load as load
    from symnum.rewrite.simplify import simplify as simplify
    from symnum.rewrite.derivatives import (
        jacobian as jacobian,
        sparse_jacobian as sparse_jacobian,
        hessian as hessian,
    )
    from symnum.codegen.operator_costs import measured_costs as measured_costs
    from symnum.kernels.make import kernel as kernel
    from symnum.traced.function import trace as trace
    from symnum.exchange import export as export
    from symnum.exchange import read as read
    from symnum.functions import build_function as build_function
    from symnum.discretisation.grid import Grid as Grid
    from symnum.pipeline import solve as solve, discretise as discretise, generate as generate
    from symnum.stepwise import integrator as integrator
    from symnum.equilibrium import steady as steady
    from symnum.sweeping import sweep as sweep
    from symnum.neural.parameter_fit import fit as fit, ParameterFit as ParameterFit
    from symnum.result import Solution as Solution
    from symnum.errors import (
        SymnumError as SymnumError,
        TermError as TermError,
        ModelError as ModelError,
        ParseError as ParseError,
        DiscretisationError as DiscretisationError,
        TargetError as TargetError,
        TraceError as TraceError,
        SolveError as SolveError,
        FileError as FileError,
        BackendUnavailable as BackendUnavailable,
        UnknownName as UnknownName,
        UnknownOption as UnknownOption,
        ModelWarning as ModelWarning,
        SolveWarning as SolveWarning,
        TargetWarning as TargetWarning,
    )
