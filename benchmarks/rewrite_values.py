"""Ten thousand random terms keep their values through the rewriting engines, and never become dearer

Values are compared in double precision at points where the input is defined and where a relative change of 1e-12 in the data moves it by
less than 1e-8 of the sum of absolute values; the engines' own check of values is switched off, so what is judged are the rules.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.errors import TermError
from symnum.expr.term import Const, Symbol, Term, call
from symnum.rewrite.check import evaluate
from symnum.rewrite.cost import costs_of
from symnum.rewrite.engine import Request, engines
from symnum.rewrite.normal import multiplied_out, single_fractions
from symnum.rewrite.share import condense, share

from . import _measure as measure

COUNT = 10_000
_POINTS = 12
_UNARY = ["exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "asinh", "erf", "abs", "sign", "floor"]
_BINARY = ["minimum", "maximum", "lt", "ge", "atan2"]
_EXPONENTS = [2, 3, 4, -1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), 0.3]


def run() -> dict[str, Any]:
    """Measure; see the module."""
    rows = [_row(name, forms) for name, forms in (("normal forms, factor, share", _plain), ("e-graph", _egraph))]
    bars = [measure.bar(f"{row['engine']}: terms whose value changed", row["changed"], 0) for row in rows]
    bars += [measure.bar(f"{row['engine']}: domains that shrank", row["narrower"], 0) for row in rows]
    return {"rows": rows, "bars": bars}


def _row(engine: str, forms: Any) -> dict[str, Any]:
    source = random.Random(20_26)
    leaves: list[Term] = [Symbol(name) for name in "abcx"]
    counts = {"terms": 0, "forms": 0, "points": 0, "changed": 0, "narrower": 0}
    first = ""
    begin = time.process_time()
    while counts["terms"] < COUNT:
        terms = [_random(source, leaves, source.randint(2, 4)) for _ in range(source.choice([1, 1, 2]))]
        positive = source.random() < 0.5
        counts["terms"] += 1
        for form in forms(terms, [s > 0 for s in leaves] if positive else []):
            changed, narrower, points = _compared(terms, form, leaves, positive, counts["terms"])
            counts["forms"] += 1
            counts["points"] += points
            counts["changed"] += changed
            counts["narrower"] += narrower
            if (changed or narrower) and not first:
                first = f"{terms} -> {list(form)}"
    return {"engine": engine, **counts, "CPU seconds": round(time.process_time() - begin, 1), "first": first}


def _plain(terms: Sequence[Term], assume: Sequence[Term]) -> list[Sequence[Term]]:
    return [share(terms), condense(terms), condense(single_fractions(terms)), condense(multiplied_out(terms))]


def _egraph(terms: Sequence[Term], assume: Sequence[Term]) -> list[Sequence[Term]]:
    known = {"input": terms, "cse": share(terms), "factored": condense(terms)}
    request = Request(terms, known, costs_of("cycles"), assume, nodes=300, iterations=4, seconds=0.2)
    return list(engines().load("egraph").propose(request).forms.values())


def _random(source: random.Random, leaves: list[Term], depth: int) -> Term:
    if depth == 0 or source.random() < 0.1:
        return (
            source.choice(leaves)
            if source.random() < 0.75
            else Const(source.choice([1, 2, 3, -1, Fraction(1, 3), 0.1]))
        )
    one, two = (_random(source, leaves, depth - 1) for _ in range(2))
    try:
        match source.randrange(9):
            case 0 | 1:
                return one + two
            case 2:
                return one - two
            case 3 | 4:
                return one * two
            case 5:
                return one / two
            case 6:
                return one ** Const(source.choice(_EXPONENTS))
            case 7:
                return call(source.choice(_UNARY), one)
            case _:
                op = source.choice([*_BINARY, "where", "pow"])
                if op == "where":
                    return call("where", call("lt", one, two), two, one)
                return call(op, one, two) if op != "pow" else one**two
    except TermError:  # 1/0, log of a negative number
        return one


def _compared(
    terms: Sequence[Term], form: Sequence[Term], leaves: list[Term], positive: bool, seed: int
) -> tuple[int, int, int]:
    """(1 if a value differs, 1 if a value is lost, number of points judged)."""
    draw = np.random.default_rng(seed)
    at = {s: draw.uniform(0.1 if positive else -2.0, 2.0, _POINTS).astype(np.longdouble) for s in leaves}
    near = {s: v * (1 + np.longdouble(1e-12) * draw.choice([-1, 1], _POINTS)) for s, v in at.items()}
    changed = narrower = points = 0
    for old, moved, new in zip(evaluate(terms, at), evaluate(terms, near), evaluate(form, at), strict=True):
        old, moved, new = (np.broadcast_to(np.asarray(v, np.longdouble), _POINTS) for v in (old, moved, new))
        with np.errstate(all="ignore"):
            slack = 1e-10 * np.abs(old) + 1e4 * np.abs(moved - old) + 1e-12
            sound = np.isfinite(old) & np.isfinite(moved) & (np.abs(old) < 1e150) & (slack < 1e-3 * (1 + np.abs(old)))
            wrong = sound & np.isfinite(new) & (np.abs(new - old) > slack)
        points += int(sound.sum())
        changed |= int(wrong.any())
        narrower |= int((sound & ~np.isfinite(new)).any())
    return changed, narrower, points
