"""The border: NumPy scalars and functions, and SymPy objects, become terms here, once."""

from __future__ import annotations

from typing import Any

from symnum.errors import TermError, did_you_mean
from symnum.expr.numbers import exact_number
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Term, add, as_term, call, mul, power, scale

_UFUNCS = {row.numpy: row.name for row in TABLE.values() if row.numpy and row.arity} | {"absolute": "abs"}
_ARITHMETIC: dict[str, Any] = {
    "add": lambda a, b: add((a, b)),
    "subtract": lambda a, b: add((a, scale(b, -1))),
    "multiply": lambda a, b: mul((a, b)),
    "divide": lambda a, b: mul((a, power(b, Const(-1)))),
    "true_divide": lambda a, b: mul((a, power(b, Const(-1)))),
    "negative": lambda a: scale(a, -1),
    "positive": lambda a: a,
    "square": lambda a: power(a, Const(2)),
    "sqrt": lambda a: call("pow", a, Const(0.5)),
    "float_power": power,
}


def convert(value: Any) -> Term:
    """A NumPy scalar or a SymPy expression as a term."""
    modules = {(c.__module__ or "").partition(".")[0] for c in type(value).__mro__}
    if "sympy" in modules:  # an applied function's own class has no module
        from symnum.expr.sympy import from_sympy

        return from_sympy(value)
    if "numpy" in modules and getattr(value, "ndim", None) == 0 and value.dtype == object:
        return as_term(value.item())
    return Const(exact_number(value))


def apply_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``__array_ufunc__`` of terms: scalars build a term; arrays are handled element by element as object arrays."""
    if method != "__call__" or options:
        return NotImplemented
    if any(getattr(x, "ndim", 0) for x in inputs):
        import numpy as np

        boxes = [x if getattr(x, "ndim", 0) else _box(x) for x in inputs]
        return np.frompyfunc(lambda *xs: apply_ufunc(ufunc, method, xs, {}), ufunc.nin, 1)(*boxes)
    build = _ARITHMETIC.get(ufunc.__name__)
    terms = [as_term(x) for x in inputs]
    if build is not None:
        return build(*terms)
    if ufunc.__name__ in _UFUNCS:
        return call(_UFUNCS[ufunc.__name__], *terms)
    raise TermError(f"numpy.{ufunc.__name__} has no symbolic form.{did_you_mean(ufunc.__name__, _UFUNCS)}")


def _box(value: Any) -> Any:
    import numpy as np

    box = np.empty((), dtype=object)
    box[()] = value
    return box
