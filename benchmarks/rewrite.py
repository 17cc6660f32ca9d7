"""Simplification of small expressions of PDE and kinetics flavour against sympy.cse and sympy.simplify

Costs are cycles by the shipped table, on the DAG (what is shared counts once); "written" is the formula without any sharing, as a printer writes
it. sympy.simplify gets its cse as well, and ten seconds an expression. C is compiled by gcc -O3 and run over arrays.
"""

from __future__ import annotations

import ctypes
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from symnum.errors import TermError
from symnum.expr.sympy import from_sympy, to_sympy
from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.rewrite.cost import Costs, costs_of
from symnum.rewrite.simplify import simplify

from . import _c_expressions as c_text
from . import _measure as measure
from ._expressions import Expression, expressions

LIMIT = 10.0  # seconds for sympy.simplify, an expression
POINTS = 512
CALLS = 100  # of a function between two looks at the clock
_FORMS = ("written", "input", "sympy.cse", "sympy.simplify", "symnum")
_GENERATED = {"generated from symnum": "symnum", "generated from input": "input"}  # by sn.build_function(target="c")


class _TooLong(Exception):
    """SymPy did not come to an end."""


def run() -> dict[str, Any]:
    """Measure; see the module."""
    costs = costs_of("cycles")
    rows: list[dict[str, Any]] = []
    forms: list[dict[str, Sequence[Term]]] = []
    rows_of = expressions()
    simplify(rows_of[0].terms[0])  # imports and tables are not what is measured
    for expression in rows_of:
        row, found = _costs_row(expression, costs)
        rows.append(row)
        forms.append(found)
    ratios = _compiled(rows_of, forms, rows)
    return {"rows": rows, "bars": _bars(rows, ratios)}


def _bars(rows: list[dict[str, Any]], ratios: dict[str, float | None]) -> list[dict[str, Any]]:
    def mean(form: str, against: str = "written") -> float:
        return statistics.geometric_mean([max(row[form], 0.1) / row[against] for row in rows])

    dearer = sum(row["symnum"] > min(row["input"], row["sympy.cse"]) for row in rows)
    seconds = [row["seconds"] for row in rows]
    return [
        measure.bar("cost / as written, geometric mean", mean("symnum"), 0.55),
        measure.bar("cost / cost after sympy.simplify, geometric mean", mean("symnum", "sympy.simplify"), 0.999),
        measure.bar("expressions dearer than the input or sympy.cse", dearer, 0),
        measure.bar("seconds an expression, median", statistics.median(seconds), 0.1),
        measure.bar("seconds an expression, longest", max(seconds), 1.0),
        measure.bar("C at -O3: time / as written, geometric mean", ratios["symnum"], 0.55),
        measure.bar(
            "C of sn.build_function at -O3: time / as written, geometric mean", ratios["generated from symnum"], 0.55
        ),
        measure.bar("C at -O3: time / after sympy.simplify, geometric mean", _ratio(ratios, "sympy.simplify"), 1.0),
        measure.bar("C at -O3: time / after sympy.cse, geometric mean", _ratio(ratios, "sympy.cse"), 1.0),
    ]


def _ratio(ratios: dict[str, float | None], other: str) -> float | None:
    ours, theirs = ratios["symnum"], ratios[other]
    return None if ours is None or theirs is None else ours / theirs


# --- costs ------------------------------------------------------------------------------------------------------------


def _costs_row(expression: Expression, costs: Costs) -> tuple[dict[str, Any], dict[str, Sequence[Term]]]:
    assume = [s > 0 for s in expression.positive]
    begin = time.process_time()
    ours, report = simplify(list(expression.terms), assume=assume, report=True)
    seconds = time.process_time() - begin
    forms: dict[str, Sequence[Term]] = {"input": expression.terms, "symnum": ours}
    row: dict[str, Any] = {"expression": expression.name, "written": _written(expression.terms, costs)}
    for name, make in (("sympy.cse", _sympy_cse), ("sympy.simplify", _sympy_simplify)):
        forms[name], row[f"{name}, seconds"] = _within(lambda make=make: make(expression), expression.terms)
    row |= {name: costs.total(forms[name]) for name in _FORMS[1:]}
    return row | {"seconds": round(seconds, 4), "kept": report.chosen, "source": expression.source}, forms


def _written(terms: Sequence[Term], costs: Costs) -> float:
    """Cost of the formulas without sharing: every occurrence counts."""
    return sum(fold(t, lambda node, args: costs.price(node.op, node.data) + sum(args)) for t in terms)


def _sympy_cse(expression: Expression) -> Sequence[Term]:
    from symnum.rewrite.engines.sympy import shared

    names = {s.name: s for s in (*expression.positive, *expression.signed)}
    return shared([to_sympy(t) for t in expression.terms], names)


def _sympy_simplify(expression: Expression) -> Sequence[Term]:
    """sympy.simplify with positive symbols declared as such, and cse of its results."""
    import sympy

    from symnum.rewrite.engines.sympy import shared

    names = {s.name: s for s in (*expression.positive, *expression.signed)}
    signs = {sympy.Symbol(s.name): sympy.Symbol(s.name, positive=True) for s in expression.positive}
    signs |= {sympy.Symbol(s.name): sympy.Symbol(s.name, real=True) for s in expression.signed}
    back = {new: old for old, new in signs.items()}
    found = [sympy.simplify(to_sympy(t).xreplace(signs)).xreplace(back) for t in expression.terms]
    return min((shared(found, names), [from_sympy(f, names) for f in found]), key=costs_of("cycles").total)


def _within(make: Callable[[], Sequence[Term]], fallback: Sequence[Term]) -> tuple[Sequence[Term], Any]:
    """The result and its CPU seconds; past the limit, or where SymPy's result has no term, the input and a word."""
    begin = time.process_time()
    try:
        with _time_limit(LIMIT):
            return make(), round(time.process_time() - begin, 4)
    except _TooLong:
        return fallback, f"stopped after {LIMIT:g}"
    except TermError:
        return fallback, "no real term"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- compiled ---------------------------------------------------------------------------------------------------------


def _compiled(
    rows_of: list[Expression], forms: list[dict[str, Sequence[Term]]], rows: list[dict[str, Any]]
) -> dict[str, float | None]:
    """Times of all forms as C, written into the rows; geometric mean of time / "written" by form."""
    text = [c_text.HEAD]
    for k, (expression, found) in enumerate(zip(rows_of, forms, strict=True)):
        symbols = [*expression.positive, *expression.signed]
        text.append(c_text.function(f"written_{k}", expression.terms, symbols, nested=True))
        text += [c_text.function(f"{_word(f)}_{k}", found[f], symbols, nested=False) for f in _FORMS[1:]]
        text += [c_text.generated(f"{_word(name)}_{k}", found[f], symbols, POINTS) for name, f in _GENERATED.items()]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "expressions.c"
        source.write_text("\n".join(text), encoding="utf-8")
        library = measure.compile_c(source, ("-O3", "-march=native", "-lm"))
    names = (*_FORMS, *_GENERATED)
    if library is None:
        return dict.fromkeys(names, None)
    code = ctypes.CDLL(str(library))
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for k, (expression, row) in enumerate(zip(rows_of, rows, strict=True)):
        samples = measure.interleaved(_thunks(code, k, expression), 1, rounds=15)
        row |= {f"C {name}, ns": round(statistics.median(s) * 1e9 / POINTS / CALLS, 2) for name, s in samples.items()}
        for name in names:
            ratios[name].append(measure.median_ratio(samples[name], samples["written"]))
    return {name: statistics.geometric_mean(values) for name, values in ratios.items()}


def _word(name: str) -> str:
    return name.replace(".", "_").replace(" ", "_")


def _thunks(code: ctypes.CDLL, k: int, expression: Expression) -> dict[str, Callable[[], object]]:
    random = np.random.default_rng(k)
    given = [random.uniform(0.5, 2.0, POINTS) for _ in expression.positive]
    given += [random.uniform(-2.0, 2.0, POINTS) for _ in expression.signed]
    made = [np.empty(POINTS) for _ in expression.terms]
    y, out = np.array(given), np.empty((len(made), POINTS))
    pointers = [(ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays)) for arrays in (given, made)]
    code.repeat.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    code.repeat_generated.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    thunks: dict[str, Callable[[], object]] = {}
    for name in _GENERATED:
        function = getattr(code, f"{_word(name)}_{k}")
        where = (y.ctypes.data, out.ctypes.data)
        thunks[name] = lambda function=function, where=where, keep=(y, out): code.repeat_generated(function, CALLS, *where)
    for name in _FORMS:
        function = getattr(code, f"{_word(name)}_{k}")
        thunks[name] = lambda function=function, keep=(given, made): code.repeat(function, CALLS, POINTS, *pointers)
    return thunks
