"""Random kernels, and a second evaluation of them that knows its own rounding error.

``evaluate`` shares no code with ``ir.interpret``: it gathers every load by index arithmetic, and carries for each value a bound ``e``
of its rounding error in units of eps, by the rules of running error analysis (N. J. Higham, *Accuracy and Stability of Numerical
Algorithms*, 2nd ed., section 3.3), to first order::

    leaf, exact number      e = 0
    c0 + sum c_k a_k        e = |c0| + sum |c_k| (e_k + |a_k|)                   every summand by its absolute value
    c prod a_k**n_k         e = |product| (1 + sum |n_k| (1 + e_k/|a_k|))
    f(a, b, ...)            e = sum |df/da_k| e_k + |f|
    a < b, sign, floor      0 where the errors cannot turn the decision, else the height of the jump
    where(c, a, b)          the error of the branch taken; where c is in doubt, |a - b| + e_a + e_b
    sum of n values         e = sum e_k + max(1, (n - 1)/64) sum |a_k|           in any order; the tests allow 64 eps

For a polynomial this is at most (depth of the term) times the same expression evaluated with absolute values of every summand.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from math import erf, prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from symnum.expr.build import pi, where
from symnum.expr.ops import STRUCTURAL, TABLE
from symnum.expr.term import Const, Symbol, Term, call
from symnum.expr.walk import fold
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Loop, Statement, Store, index, load, nest, table

EPS = float(np.finfo(float).eps)
Pair = tuple[Any, Any]  # value, error in units of eps

TIME = Symbol("t", "coordinate")
PARAMETERS = (Symbol("alpha", "parameter"), Symbol("lambda", "parameter"), Symbol("s1", "parameter"))

# --- values with error bounds --------------------------------------------------------------------------------------------

SLOPES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "exp": lambda a: (np.exp(a),),
    "log": lambda a: (1 / a,),
    "sin": lambda a: (np.cos(a),),
    "cos": lambda a: (np.sin(a),),
    "tan": lambda a: (1 + np.tan(a) ** 2,),
    "sinh": lambda a: (np.cosh(a),),
    "cosh": lambda a: (np.sinh(a),),
    "tanh": lambda a: (1 / np.cosh(a) ** 2,),
    "asin": lambda a: (1 / np.sqrt(1 - a**2),),
    "acos": lambda a: (1 / np.sqrt(1 - a**2),),
    "atan": lambda a: (1 / (1 + a**2),),
    "asinh": lambda a: (1 / np.sqrt(1 + a**2),),
    "acosh": lambda a: (1 / np.sqrt(a**2 - 1),),
    "atanh": lambda a: (1 / (1 - a**2),),
    "atan2": lambda a, b: (b / (a**2 + b**2), a / (a**2 + b**2)),
    "erf": lambda a: (np.exp(-(a**2)),),
    "pow": lambda a, b: (b * a ** (b - 1), np.log(a) * a**b),
    "abs": lambda a: (1.0,),
    "minimum": lambda a, b: (1.0, 1.0),
    "maximum": lambda a, b: (1.0, 1.0),
}
COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}


def evaluate(kernel: Kernel, t: float, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (output_size,) and the bound of their rounding errors in units of eps."""
    out = np.full((2, kernel.output_size), np.nan)
    known: dict[Term, Pair] = {s: (v, 0.0) for s, v in zip(kernel.parameters, p, strict=True)}
    if kernel.time is not None:
        known[kernel.time] = (t, 0.0)
    scratch = np.zeros((3, kernel.local_size))  # values, sums of absolute values and errors, number of summands
    with np.errstate(all="ignore"):
        _run(kernel, kernel.body, {}, known, (y, scratch), out)
    return out[0], out[1]


def _run(
    kernel: Kernel, body: tuple[Statement, ...], ranges: dict[int, range], known: dict[Term, Pair], y: Any, out: Any
) -> None:
    known = dict(known)
    for s in body:
        if isinstance(s, Loop):
            _run(kernel, s.body, ranges | {s.axis: range(s.start, s.stop)}, known, y, out)
            continue
        value = fold(s.value, lambda node, args: _rule(kernel, node, args, ranges, known, y))
        if isinstance(s, Let):
            known[s.symbol] = value
            continue
        array = kernel.output(s.array) if isinstance(s, Store) else kernel.input(s.array)
        where_to = _positions(kernel, array, ranges, (0,) * len(array.axes), (False,) * len(array.axes))
        if isinstance(s, Store):
            out[0][where_to], out[1][where_to] = (np.broadcast_to(v, where_to.shape) for v in value)
            continue
        box = [len(ranges.get(k, [0])) for k in range(len(kernel.periods))]
        everywhere = np.broadcast_to(where_to, box)
        for row, part in enumerate((value[0], np.abs(value[0]) + value[1], 1.0)):
            np.add.at(y[1][row], everywhere, np.broadcast_to(part, box))


def _positions(kernel: Kernel, array: Array, ranges: dict[int, range], offsets: Any, fixed: Any) -> np.ndarray:
    total = np.full((1,) * len(kernel.periods), array.offset)
    for k, axis in enumerate(array.axes):
        points = [0] if fixed[k] else ranges[axis]
        along = [(i + offsets[k]) % kernel.periods[axis] - array.origin[k] for i in points]
        total = total + prod(array.shape[k + 1 :]) * _along(along, axis, len(kernel.periods))
    return total


def _along(values: Any, axis: int, dimensions: int) -> np.ndarray:
    return np.reshape(np.array(values), [len(values) if a == axis else 1 for a in range(dimensions)])


def _rule(
    kernel: Kernel, node: Any, args: list[Pair], ranges: dict[int, range], known: dict[Term, Pair], y: Any
) -> Pair:
    if node in known:
        return known[node]
    if node.op == "const":
        return float(node.data[0]), 0.0
    if node.op == "symbol" and node.kind == "index":
        return _along([float(i) for i in ranges[node.info]], node.info, len(kernel.periods)), 0.0
    if node.op == "symbol":
        array = kernel.input(node.info.array)
        places = _positions(kernel, array, ranges, node.info.offsets, node.info.fixed)
        if array not in kernel.locals:
            return y[0][places], 0.0
        value, absolute, count = y[1]
        return value[places], absolute[places] * np.maximum(1.0, (count[places] - 1) / 64)
    if node.op == "table":
        start, *numbers = node.data
        return np.vectorize(lambda i: numbers[int(i) - start])(args[0][0]), 0.0
    if node.op == "pi":
        return np.pi, 0.0
    if node.op == "add":
        return _sum(node, args)
    if node.op == "mul":
        return _product(node, args)
    if node.op in COMPARISONS:
        return _comparison(node, args)
    if node.op == "where":
        return _where(args)
    if node.op in ("and", "or", "not"):
        doubt = sum(e for _, e in args) > 0
        return getattr(np, TABLE[node.op].numpy)(*[v for v, _ in args]) * 1.0, doubt / EPS
    return _function(node.op, [v for v, _ in args], [e for _, e in args])


def _sum(node: Term, args: list[Pair]) -> Pair:
    value, error = float(node.data[0]), abs(float(node.data[0]))
    for c, (a, e) in zip(node.data[1:], args, strict=True):
        value, error = value + float(c) * a, error + abs(float(c)) * (e + np.abs(a))
    return value, error


def _product(node: Term, args: list[Pair]) -> Pair:
    value: Any = float(node.data[0])
    relative: Any = 1.0
    for n, (a, e) in zip(node.data[1:], args, strict=True):
        value = value * np.power(np.asarray(a, dtype=float), float(n))
        relative = relative + abs(float(n)) * (1 + np.where(e > 0, e / np.abs(a), 0.0))
    vanishing = np.prod(np.broadcast_arrays(*[np.abs(a) + EPS * e for a, e in args]), axis=0) if args else 0.0
    return value, np.where(
        value == 0, np.abs(float(node.data[0])) * vanishing / EPS * _doubt(args), np.abs(value) * relative
    )


def _doubt(args: list[Pair]) -> Any:
    return sum(e for _, e in args) > 0 if args else 0.0


def _comparison(node: Term, args: list[Pair]) -> Pair:
    (a, ea), (b, eb) = args
    doubt = (np.abs(a - b) <= 64 * EPS * (ea + eb)) & (ea + eb > 0)
    return getattr(np, TABLE[node.op].numpy)(a, b) * 1.0, doubt / EPS


def _where(args: list[Pair]) -> Pair:
    (c, ec), (a, ea), (b, eb) = args
    return np.where(c, a, b), np.where(ec > 0, np.abs(a - b) / EPS + ea + eb, np.where(c, ea, eb))


def _function(op: str, values: list[Any], errors: list[Any]) -> Pair:
    if op in ("sign", "floor", "ceil"):
        a, e = values[0], errors[0]
        value = getattr(np, op)(a)
        to_jump = np.abs(a) if op == "sign" else np.abs(a - np.round(a))
        return value, np.where((to_jump <= 64 * EPS * e) & (e > 0), 2.0, 0.0) / EPS
    value = np.vectorize(erf)(values[0]) if op == "erf" else getattr(np, TABLE[op].numpy)(*values)
    slopes = SLOPES[op](*values)
    return value, sum(np.abs(s) * e for s, e in zip(slopes, errors, strict=True)) + np.abs(value)


# --- random terms ----------------------------------------------------------------------------------------------------------

# Every operator of one argument, with its argument brought into the domain and to moderate size.
UNARY: dict[str, Callable[[Term], Term]] = {
    **{
        op: (lambda a, op=op: call(op, a))
        for op in ("sin", "cos", "tanh", "atan", "asinh", "erf", "abs", "sign", "floor", "ceil")
    },
    **{op: (lambda a, op=op: call(op, 3 * call("sin", a))) for op in ("exp", "sinh", "cosh")},
    **{op: (lambda a, op=op: call(op, call("sin", a) * Fraction(9, 10))) for op in ("asin", "acos", "atanh", "tan")},
    "log": lambda a: call("log", call("abs", a) + 0.5),
    "acosh": lambda a: call("acosh", call("abs", a) + 1.5),
    "not": lambda a: call("not", call("gt", a, Const(0))),
}
BINARY: dict[str, Callable[[Term, Term], Term]] = {
    **{op: (lambda a, b, op=op: call(op, a, b)) for op in ("minimum", "maximum", *sorted(COMPARISONS))},
    "and": lambda a, b: call("and", call("le", a, Const(1)), call("ne", b, Const(0))),
    "or": lambda a, b: call("or", call("lt", a, Const(-1)), call("ge", b, Const(Fraction(1, 3)))),
    "atan2": lambda a, b: call("atan2", a, call("abs", b) + 0.5),
    "pow": lambda a, b: call("pow", call("abs", a) + 0.5, 2 * call("sin", b)),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: 2 * a - b / 3,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (b**2 + 1),
}
POWERS = [2, 3, 5, -1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), Fraction(1, 3), 0.3, -1.7, 65]
assert {*UNARY, *BINARY, "where", "pi", *STRUCTURAL} >= set(TABLE), "an operator is not tested"


def _power(a: Term, n: Any) -> Term:
    return call("sin", a) ** Const(n) if n in (2, 3, 5, 65) else (call("abs", a) + 0.75) ** Const(n)


ATOMS = (
    Const(-2),
    Const(1),
    Const(3),
    Const(Fraction(1, 3)),
    Const(Fraction(-5, 7)),
    Const(0.1),
    Const(1e-3),
    Const(True),
    pi,
)
TERNARY: dict[str, Callable[[Term, Term, Term], Term]] = {
    "where": lambda a, b, c: where(call("lt", a, Const(0.25)), b, c),
    "stencil": lambda a, b, c: 2 * a + 2 * b - 4 * c,
}
Recipe = tuple[Any, ...]  # (leaf number,) or (name of a rule, recipes ...)


def _grow(inner: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    return st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner),
        st.tuples(st.sampled_from(["add", "sub", "mul"]), inner, inner),
        st.tuples(st.sampled_from(sorted(BINARY)), inner, inner),
        st.tuples(st.sampled_from(POWERS), inner),
        st.tuples(st.sampled_from(sorted(TERNARY)), inner, inner, inner),
    )


def _recipes(size: int) -> st.SearchStrategy[Recipe]:
    return st.recursive(st.tuples(st.integers(0, 99)), _grow, max_leaves=size)


SMALL, LARGE = _recipes(4), _recipes(10)


def cook(recipe: Recipe, leaves: list[Term]) -> Term:
    """The term of a recipe: finite values for every operator of the table, its arguments kept in its domain."""
    head, *rest = recipe
    if not rest:
        return leaves[head % len(leaves)] if head < 75 else ATOMS[head % len(ATOMS)]
    args = [cook(r, leaves) for r in rest]
    if not isinstance(head, str):
        return _power(args[0], head)
    return (UNARY.get(head) or BINARY.get(head) or TERNARY[head])(*args)


# --- random kernels --------------------------------------------------------------------------------------------------------


@st.composite
def kernels(draw: Any, dimensions: int | None = None, lets: bool = True, sums: bool = True) -> Kernel:
    """1 to 3 axes, periodic or closed; arrays on some of the axes and scalars, with origins; outputs cut into boxes; local sums.

    The boxes of the outputs that read no sum may come before the sums, among them or after them.
    """
    d = dimensions or draw(st.integers(1, 3))
    most = {1: 40, 2: 11, 3: 6}[d]
    periods = tuple(draw(st.integers(4, most)) for _ in range(d))
    if d > 1 and draw(st.integers(0, 3)) == 0:  # few long rows: their ends are vectors of their own in some targets
        periods = (*(min(n, 6) for n in periods[:-1]), draw(st.integers(30, 44)))
    periodic = tuple(draw(st.booleans()) for _ in range(d))
    inputs = draw(_arrays("uvw", periods, periodic))
    outputs = draw(_arrays("fg", periods, periodic))
    scratch = draw(_arrays("SR", periods, periodic)) if sums and draw(st.booleans()) else ()
    body: list[Statement] = []
    for k, array in enumerate(scratch):
        for _ in range(draw(st.integers(1, 2))):
            body.extend(draw(_integral(array, (*inputs, *scratch[:k]), periods, periodic)))
    for array in outputs:
        cuts = [draw(_cuts(o, o + n)) for o, n in zip(array.origin, array.shape, strict=True)]
        for box in product(*cuts):
            late = draw(st.booleans())
            made = draw(_nest(array, box, (*inputs, *scratch) if late else inputs, periods, periodic, lets))
            at = len(body) if late else draw(st.integers(0, len(body)))
            body[at:at] = made
    return Kernel("random", inputs, outputs, PARAMETERS, TIME, periods, tuple(body), "a random kernel", locals=scratch)


@st.composite
def _integral(draw: Any, array: Array, inputs: Any, periods: Any, periodic: Any) -> list[Statement]:
    """Add a random term over a random box of the array's axes and some more."""
    ranges = {}
    for k, period in enumerate(periods):
        low, high = 0, period
        if k in array.axes:
            low = array.origin[array.axes.index(k)]
            high = low + array.shape[array.axes.index(k)]
        elif draw(st.booleans()):
            continue
        start = draw(st.integers(low, high - 1))
        ranges[k] = (start, draw(st.integers(start + 1, high)))
    leaves = draw(_leaves(ranges, inputs, periods, periodic))
    term = Accumulate(array.name, cook(draw(SMALL), leaves), "a random integral")
    order = draw(st.permutations(sorted(ranges)))
    return [nest(tuple((k, *ranges[k]) for k in order), (term,)) if order else term]


@st.composite
def _leaves(draw: Any, ranges: dict[int, tuple[int, int]], inputs: Any, periods: Any, periodic: Any) -> list[Term]:
    """What a term over a box may hold: time, parameters, indices, tables, loads."""
    leaves: list[Term] = [TIME, *PARAMETERS, *(index(k) for k in ranges)]
    for source in inputs:
        leaves += [draw(_load(source, ranges, periods, periodic)) for _ in range(3)]
    for k, (start, stop) in ranges.items():
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        numbers = [(-1) ** n * (n % 5) / 3 for n in range(start - before, stop + after)]
        leaves.append(table(k, start - before, numbers))
    return leaves


@st.composite
def _arrays(draw: Any, names: str, periods: tuple[int, ...], periodic: tuple[bool, ...]) -> tuple[Array, ...]:
    made, offset = [], 0
    for name in names[: draw(st.integers(1, len(names)))]:
        axes = tuple(k for k in range(len(periods)) if draw(st.integers(0, 3)))
        ends = [(0, 0) if periodic[k] else (draw(st.integers(0, 1)), draw(st.integers(0, 1))) for k in axes]
        shape = tuple(periods[k] - low - high for k, (low, high) in zip(axes, ends, strict=True))
        made.append(Array(name, shape, offset, axes, tuple(low for low, _ in ends), name))
        offset += made[-1].size
    return tuple(made)


@st.composite
def _cuts(draw: Any, start: int, stop: int) -> list[tuple[int, int]]:
    inner = draw(st.sets(st.integers(start + 1, stop - 1), max_size=2)) if stop - start > 1 else set()
    ends = [start, *sorted(inner), stop]
    return list(pairwise(ends))


@st.composite
def _nest(draw: Any, array: Array, box: Any, inputs: Any, periods: Any, periodic: Any, lets: bool) -> list[Statement]:
    ranges = dict(zip(array.axes, box, strict=True))
    leaves = draw(_leaves(ranges, inputs, periods, periodic))
    order = draw(st.permutations(sorted(ranges)))
    store: list[Statement] = []
    if lets and draw(st.booleans()):
        inner = Symbol("s1" if order else f"s_{array.name}", "temporary")  # loops side by side may use one name
        store.append(Let(inner, cook(draw(SMALL), leaves)))
        leaves = [*leaves, inner]
    store.append(Store(array.name, cook(draw(LARGE), leaves), "a random equation"))
    return [nest(tuple((k, *ranges[k]) for k in order), tuple(store))] if order else store


@st.composite
def _load(draw: Any, source: Array, ranges: dict[int, tuple[int, int]], periods: Any, periodic: Any) -> Symbol:
    offsets, wrap, fixed = [], [], []
    for k, axis in enumerate(source.axes):
        fixed.append(axis not in ranges or draw(st.integers(0, 5)) == 0)
        if fixed[k]:
            offsets.append(draw(st.integers(source.origin[k], source.origin[k] + source.shape[k] - 1)))
            wrap.append(periodic[axis])
            continue
        start, stop = ranges[axis]
        if periodic[axis]:
            offsets.append(draw(st.integers(-min(3, periods[axis]), min(3, periods[axis]))))
            wrap.append(True)
        else:
            low, high = source.origin[k] - start, source.origin[k] + source.shape[k] - stop
            if low > high:
                return TIME  # the box is larger than the array: nothing of it can be read here
            offsets.append(draw(st.integers(max(low, -3), min(high, 3))) if max(low, -3) <= min(high, 3) else low)
            wrap.append(False)
    return load(source.name, tuple(offsets), tuple(wrap), tuple(fixed))


def state(kernel: Kernel, seed: int = 0) -> tuple[float, np.ndarray, np.ndarray]:
    """A time, an input vector and parameters for a kernel."""
    random = np.random.default_rng(seed)
    return 0.375, random.normal(size=kernel.input_size), random.uniform(0.5, 2.0, len(kernel.parameters))
